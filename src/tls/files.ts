import { existsSync } from 'node:fs'
import { readFile, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { TlsFiles } from '../contracts/record.js'
import {
  makePrivateDir,
  realFileOps,
  sweepTemporaries,
  syncDirectory,
  writeFileAtomic,
} from '../util/atomic-file.js'
import { errnoOf, fileError } from '../util/file-error.js'

/** File names in a store's or machine's directory that docker-machine, the Docker client and scripts know. */
export const CA = { cert: 'ca.pem', key: 'ca-key.pem' } as const
export const CLIENT = { cert: 'cert.pem', key: 'key.pem' } as const
export const SERVER = { cert: 'server.pem', key: 'server-key.pem' } as const

/** Names of a certificate's file and its key's in one directory; an absolute path stands for itself. */
export interface PairNames {
  readonly cert: string
  readonly key: string
}

/** PEM texts of a certificate and its private key. */
export interface PemPair {
  readonly cert: string
  readonly key: string
}

/** Where a CA and the client pair that it signed are. */
export interface CertificatePlace {
  readonly dir: string
  readonly ca: PairNames
  readonly client: PairNames
}

/** A directory's CA and client pair, with single files replaced by those that the user names. */
export function certificatePlace(dir: string, given: TlsFiles = {}): CertificatePlace {
  return {
    dir,
    ca: { cert: given.caCert ?? CA.cert, key: given.caKey ?? CA.key },
    client: { cert: given.clientCert ?? CLIENT.cert, key: given.clientKey ?? CLIENT.key },
  }
}

/** Whether the user named one of these files: then they are theirs, and never replaced. */
export function isGiven(names: PairNames): boolean {
  return isAbsolute(names.cert) || isAbsolute(names.key)
}

const CERTIFICATE_MODE = 0o644
const KEY_MODE = 0o600

/**
 * Replaces certificate and key together: the certificate waits beside under a `.new` name while the key is put in
 * place, and `settlePair` completes the step if we are killed between the two.
 */
export async function writePair(dir: string, names: PairNames, pair: PemPair): Promise<void> {
  const [cert, key] = [resolve(dir, names.cert), resolve(dir, names.key)]
  await Promise.all([cert, key].map((path) => makePrivateDir(dirname(path))))
  const waiting = `${cert}.new`
  await writeFileAtomic(waiting, pair.cert, { mode: CERTIFICATE_MODE })
  try {
    await writeFileAtomic(key, pair.key, { mode: KEY_MODE })
  } catch (error) {
    // Without its key it fits nothing; where the key is in place after all, it is what completes the pair.
    if ((await readOptional(key).catch(() => pair.key)) !== pair.key) await removeQuietly(waiting)
    throw error
  }
  await putInPlace(waiting, cert)
}

/** Completes or drops a replacement that was cut off; `matches` tells whether the waiting certificate fits the key. */
export async function settlePair(
  dir: string,
  names: PairNames,
  matches: (pair: PemPair) => boolean,
): Promise<void> {
  const [cert, key] = [resolve(dir, names.cert), resolve(dir, names.key)]
  const waiting = `${cert}.new`
  for (const path of [waiting, key]) await sweepTemporaries(path, realFileOps, true)
  const [waitingCert, presentKey] = await Promise.all([readOptional(waiting), readOptional(key)])
  if (waitingCert === undefined) return
  if (presentKey !== undefined && matches({ cert: waitingCert, key: presentKey }))
    await putInPlace(waiting, cert)
  else await removeQuietly(waiting)
}

async function putInPlace(waiting: string, cert: string): Promise<void> {
  try {
    await rename(waiting, cert)
    await syncDirectory(dirname(cert))
  } catch (error) {
    throw fileError('write', cert, error)
  }
}

/** What stays is dropped before the next pair is used. */
async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined)
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
  return existsSync(resolve(dir, `${names.cert}.new`))
}

/**
 * Puts the CA certificate and the client pair into a machine's directory, where `DOCKER_CERT_PATH` points.
 * @throws MachineError `store` when a file cannot be read or written
 */
export async function copyClientFiles(from: string | CertificatePlace, machineDir: string): Promise<void> {
  const place = typeof from === 'string' ? certificatePlace(from) : from
  await makePrivateDir(machineDir)
  for (const [source, name, mode] of [
    [place.ca.cert, CA.cert, CERTIFICATE_MODE],
    [place.client.cert, CLIENT.cert, CERTIFICATE_MODE],
    [place.client.key, CLIENT.key, KEY_MODE],
  ] as const) {
    const path = resolve(place.dir, source)
    const text = await readOptional(path)
    if (text === undefined) throw fileError('read', path, new Error('it does not exist'))
    if (text !== (await readOptional(join(machineDir, name))))
      await writeFileAtomic(join(machineDir, name), text, { mode })
  }
}
