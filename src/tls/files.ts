import { existsSync } from 'node:fs'
import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivateDir, syncDirectory, writeFileAtomic } from '../util/atomic-file.js'
import { errnoOf, fileError } from '../util/file-error.js'

/** File names that docker-machine, the Docker client and scripts know. */
export const CA = { cert: 'ca.pem', key: 'ca-key.pem' } as const
export const CLIENT = { cert: 'cert.pem', key: 'key.pem' } as const
export const SERVER = { cert: 'server.pem', key: 'server-key.pem' } as const

/** Names of a certificate's file and its key's in one directory. */
export interface PairNames {
  readonly cert: string
  readonly key: string
}

/** PEM texts of a certificate and its private key. */
export interface PemPair {
  readonly cert: string
  readonly key: string
}

const CERTIFICATE_MODE = 0o644
const KEY_MODE = 0o600

/**
 * Replaces certificate and key together: the certificate waits beside under a `.new` name while the key is put in
 * place, and `settlePair` completes the step if we are killed between the two.
 */
export async function writePair(dir: string, names: PairNames, pair: PemPair): Promise<void> {
  await makePrivateDir(dir)
  const waiting = join(dir, `${names.cert}.new`)
  await writeFileAtomic(waiting, pair.cert, { mode: CERTIFICATE_MODE })
  await writeFileAtomic(join(dir, names.key), pair.key, { mode: KEY_MODE })
  await rename(waiting, join(dir, names.cert))
  await syncDirectory(dir)
}

/** Completes or drops a replacement that was cut off; `matches` tells whether the waiting certificate fits the key. */
export async function settlePair(
  dir: string,
  names: PairNames,
  matches: (pair: PemPair) => boolean,
): Promise<void> {
  const waiting = join(dir, `${names.cert}.new`)
  const [cert, key] = await Promise.all([readOptional(waiting), readOptional(join(dir, names.key))])
  if (cert === undefined) return
  if (key !== undefined && matches({ cert, key })) await rename(waiting, join(dir, names.cert))
  else await rm(waiting, { force: true })
}

/** A file's text; undefined when there is no such file. */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw fileError('read', path, error)
  }
}

/** Whether a replacement was cut off in this directory. */
export function hasUnsettled(dir: string, names: PairNames): boolean {
  return existsSync(join(dir, `${names.cert}.new`))
}

/**
 * Puts the CA certificate and the client pair into a machine's directory, where `DOCKER_CERT_PATH` points.
 * @throws MachineError `store` when a file cannot be read or written
 */
export async function copyClientFiles(certsDir: string, machineDir: string): Promise<void> {
  await makePrivateDir(machineDir)
  for (const [name, mode] of [
    [CA.cert, CERTIFICATE_MODE],
    [CLIENT.cert, CERTIFICATE_MODE],
    [CLIENT.key, KEY_MODE],
  ] as const) {
    const text = await readOptional(join(certsDir, name))
    if (text === undefined) throw fileError('read', join(certsDir, name), new Error('it does not exist'))
    if (text !== (await readOptional(join(machineDir, name))))
      await writeFileAtomic(join(machineDir, name), text, { mode })
  }
}
