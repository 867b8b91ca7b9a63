import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { MachineError } from '../contracts/errors.js'
import { systemClock } from '../util/clock.js'
import { acquireLock } from '../util/locks.js'
import { writeCertificate, type Signer } from './certificate.js'
import {
  CA,
  CLIENT,
  hasUnsettled,
  readOptional,
  settlePair,
  writePair,
  type PairNames,
  type PemPair,
} from './files.js'
import { isSignedBy, readCertificate, RENEW_UNDER_DAYS } from './inspect.js'
import { keyKind, keyPem, newKey, readKey } from './keys.js'

/** The store's CA, ready to sign, and the client pair that it signed. */
export interface Authority extends Signer {
  readonly caPem: string
  readonly client: PemPair
}

export interface EnsureCaOptions {
  readonly clock?: Clock
  /** Takes the store's CA lock; one in the directory itself when absent. */
  readonly lock?: () => Promise<{ release(): Promise<void> }>
  /** Told of each file that is made, in docker-machine's words. */
  readonly report?: (text: string) => void
}

const CA_DAYS = 3650
/** Longest life that all TLS stacks accept for a leaf. */
export const LEAF_DAYS = 825
const DAY_MS = 86_400_000

/**
 * The CA and client pair of a store: made when missing, made anew when expired, left alone otherwise. Any number of
 * processes at once end with one CA. A CA that docker-machine made is used with its kind of key.
 * @throws MachineError `tls` when half of the CA is missing or unreadable; `locked`; `store`
 */
export async function ensureCa(certsDir: string, options: EnsureCaOptions = {}): Promise<Authority> {
  const now = (options.clock ?? systemClock).now()
  const ready = await loadAuthority(certsDir, now)
  if (ready) return ready
  const lock = await (options.lock?.() ?? acquireLock(join(certsDir, '.lock'), { what: 'make certificates' }))
  try {
    await settlePair(certsDir, CA, isPair)
    await settlePair(certsDir, CLIENT, isPair)
    const signer = (await loadCa(certsDir, now)) ?? (await makeCa(certsDir, now, options))
    const client =
      (await loadClient(certsDir, signer, now)) ?? (await makeClient(certsDir, signer, now, options))
    return { ...signer, client }
  } finally {
    await lock.release()
  }
}

/** Everything as it should be, found without a lock; undefined when something has to be made. */
async function loadAuthority(certsDir: string, now: Date): Promise<Authority | undefined> {
  if (hasUnsettled(certsDir, CA) || hasUnsettled(certsDir, CLIENT)) return undefined
  try {
    const signer = await loadCa(certsDir, now)
    const client = signer && (await loadClient(certsDir, signer, now))
    return client && { ...signer, client }
  } catch {
    // Perhaps another process is just putting the files in place: what is really wrong is seen again under the lock.
    return undefined
  }
}

type LoadedCa = Signer & { readonly caPem: string }

async function loadCa(certsDir: string, now: Date): Promise<LoadedCa | undefined> {
  const { cert, key } = await readPair(certsDir, CA)
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined) throw halfCa(certsDir, CA.cert, CA.key)
  const certificate = readCertificate(cert, join(certsDir, CA.cert))
  if (new Date(certificate.validTo) <= now) return undefined
  if (key === undefined) throw halfCa(certsDir, CA.key, CA.cert)
  const signingKey = readKey(key, join(certsDir, CA.key))
  if (!certificate.checkPrivateKey(signingKey))
    throw new MachineError('tls', `${join(certsDir, CA.cert)} and ${CA.key} do not belong together`, {
      hints: [`Restore both from one backup, or move ${certsDir} away and run: tsmachine provision NAME`],
    })
  return { certificate, key: signingKey, caPem: cert }
}

function halfCa(dir: string, missing: string, present: string): MachineError {
  return new MachineError('tls', `${join(dir, present)} exists but ${missing} does not`, {
    hints: [
      `Restore ${missing} from a backup`,
      `or, to start with a new CA: move ${join(dir, present)} away and run "tsmachine provision" for each machine`,
    ],
  })
}

async function makeCa(certsDir: string, now: Date, options: EnsureCaOptions): Promise<LoadedCa> {
  const old = await readPair(certsDir, CA)
  if (old.cert !== undefined) options.report?.('CA certificate is outdated and needs to be regenerated')
  options.report?.(`Creating CA: ${join(certsDir, CA.cert)}`)
  const key = await newKey('ec')
  const commonName = `tsmachine CA ${randomBytes(4).toString('hex')}`
  const caPem = await writeCertificate({ purpose: 'ca', commonName, key, days: CA_DAYS, now })
  await writePair(certsDir, CA, { cert: caPem, key: keyPem(key) })
  return { certificate: readCertificate(caPem, CA.cert), key, caPem }
}

/** A pair that is expired, half, or not of this CA (docker-machine's races leave such) counts as missing. */
async function loadClient(certsDir: string, signer: Signer, now: Date): Promise<PemPair | undefined> {
  const { cert, key } = await readPair(certsDir, CLIENT)
  if (cert === undefined || key === undefined || !isPair({ cert, key })) return undefined
  const certificate = readCertificate(cert, join(certsDir, CLIENT.cert))
  const renewAt = new Date(certificate.validTo).getTime() - RENEW_UNDER_DAYS * DAY_MS
  return isSignedBy(certificate, signer.certificate) && now.getTime() < renewAt ? { cert, key } : undefined
}

async function makeClient(
  certsDir: string,
  signer: Signer,
  now: Date,
  options: EnsureCaOptions,
): Promise<PemPair> {
  options.report?.(`Creating client certificate: ${join(certsDir, CLIENT.cert)}`)
  const pair = await issueLeaf(signer, { purpose: 'client', commonName: 'tsmachine client', now })
  await writePair(certsDir, CLIENT, pair)
  return pair
}

/** A new key, of the CA's kind, and a certificate for it. */
export async function issueLeaf(
  signer: Signer,
  leaf: { purpose: 'server' | 'client'; commonName: string; sans?: readonly string[]; now: Date },
): Promise<PemPair> {
  const key: KeyObject = await newKey(keyKind(signer.key))
  return { cert: await writeCertificate({ ...leaf, key, days: LEAF_DAYS, signer }), key: keyPem(key) }
}

/** Whether certificate and key belong together. */
export function isPair(pair: PemPair): boolean {
  try {
    const certificate = readCertificate(pair.cert, 'cert')
    return certificate.publicKey.equals(createPublicKey(readKey(pair.key, 'key')))
  } catch {
    return false
  }
}

async function readPair(dir: string, names: PairNames): Promise<Partial<PemPair>> {
  const [cert, key] = await Promise.all([
    readOptional(join(dir, names.cert)),
    readOptional(join(dir, names.key)),
  ])
  return { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) }
}
