import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { MachineError } from '../contracts/errors.js'
import { systemClock } from '../util/clock.js'
import { acquireLock } from '../util/locks.js'
import { writeCertificate, type Signer } from './certificate.js'
import {
  type CertificatePlace,
  certificatePlace,
  hasUnsettled,
  isGiven,
  readOptional,
  settlePair,
  writePair,
  type PairNames,
  type PemPair,
} from './files.js'
import { dayOf, isSignedBy, readCertificate, RENEW_UNDER_DAYS } from './inspect.js'
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
  /** Make a new client pair although the present one would do; one that the user named is never replaced. */
  readonly freshClient?: boolean
  /** Make a new CA, and a client pair of it, although the present one would do; one that the user named is never replaced. */
  readonly freshCa?: boolean
}

const CA_DAYS = 3650
/** Longest life that all TLS stacks accept for a leaf. */
export const LEAF_DAYS = 825
const DAY_MS = 86_400_000

/**
 * The CA and client pair of a store: made when missing, made anew when expired, left alone otherwise. Any number of
 * processes at once end with one CA. A CA that docker-machine made is used with its kind of key.
 * @throws MachineError `tls` when half of the CA is missing or unreadable, or it is of the future; `locked`; `store`
 */
export async function ensureCa(
  where: string | CertificatePlace,
  options: EnsureCaOptions = {},
): Promise<Authority> {
  const place = typeof where === 'string' ? certificatePlace(where) : where
  const now = (options.clock ?? systemClock).now()
  const freshCa = options.freshCa === true && !isGiven(place.ca)
  const fresh = (freshCa || options.freshClient === true) && !isGiven(place.client)
  const ready = fresh || freshCa ? undefined : await loadAuthority(place, now)
  if (ready) return ready
  const lock = await (options.lock?.() ??
    acquireLock(join(place.dir, '.lock'), { what: 'make certificates' }))
  try {
    await settlePair(place.dir, place.ca, isPair)
    await settlePair(place.dir, place.client, isPair)
    const old = freshCa ? undefined : await loadCa(place, now)
    const signer = old ?? (await makeCa(place, now, options))
    const present = fresh ? undefined : await loadClient(place, signer, now)
    const client = present ?? (await makeClient(place, signer, now, options))
    return { ...signer, client }
  } finally {
    await lock.release()
  }
}

/** Completes or drops a replacement of CA or client pair that was cut off; harmless when there is none. */
export async function settleAuthority(
  place: CertificatePlace,
  takeLock: () => Promise<{ release(): Promise<void> }>,
): Promise<void> {
  const open = [place.ca, place.client].filter((names) => hasUnsettled(place.dir, names))
  if (open.length === 0) return
  const lock = await takeLock()
  try {
    for (const names of open) await settlePair(place.dir, names, isPair)
  } finally {
    await lock.release()
  }
}

/** Everything as it should be, found without a lock; undefined when something has to be made. */
async function loadAuthority(place: CertificatePlace, now: Date): Promise<Authority | undefined> {
  if (hasUnsettled(place.dir, place.ca) || hasUnsettled(place.dir, place.client)) return undefined
  try {
    const signer = await loadCa(place, now)
    const client = signer && (await loadClient(place, signer, now))
    return client && { ...signer, client }
  } catch {
    // Perhaps another process is just putting the files in place: what is really wrong is seen again under the lock.
    return undefined
  }
}

type LoadedCa = Signer & { readonly caPem: string }

async function loadCa({ dir, ca }: CertificatePlace, now: Date): Promise<LoadedCa | undefined> {
  const { cert, key } = await readPair(dir, ca)
  if (cert === undefined && key === undefined) return undefined
  const [certPath, keyPath] = [resolve(dir, ca.cert), resolve(dir, ca.key)]
  if (cert === undefined) throw halfCa(dir, ca.cert, ca.key)
  const certificate = readCertificate(cert, certPath)
  if (new Date(certificate.validTo) <= now) {
    if (isGiven(ca)) throw endedCa(certPath)
    return undefined
  }
  if (new Date(certificate.validFrom) > now) throw futureCa(certPath, new Date(certificate.validFrom), now)
  if (key === undefined) throw halfCa(dir, ca.key, ca.cert)
  const signingKey = readKey(key, keyPath)
  if (!certificate.checkPrivateKey(signingKey))
    throw new MachineError('tls', `${certPath} and ${ca.key} do not belong together`, {
      hints: [`Restore both from one backup, or move ${dir} away and run: tsmachine provision NAME`],
    })
  return { certificate, key: signingKey, caPem: cert }
}

function endedCa(path: string): MachineError {
  return new MachineError('tls', `The CA certificate ${path} has expired`, {
    hints: ['Files that you name are never replaced: name another pair with --tls-ca-cert and --tls-ca-key'],
  })
}

/** Either clock may be the wrong one, and a new CA made by a wrong clock would be the second mistake. */
function futureCa(path: string, from: Date, now: Date): MachineError {
  const text = `The CA certificate ${path} is not valid before ${dayOf(from)}, and this computer's clock says ${dayOf(now)}`
  return new MachineError('tls', text, {
    hints: [
      'If this clock is wrong, set it: date',
      'If it was wrong when the CA was made, make a new one: tsmachine regenerate-certs --ca NAME...',
    ],
  })
}

function halfCa(dir: string, missing: string, present: string): MachineError {
  const there = resolve(dir, present)
  return new MachineError('tls', `${there} exists but ${missing} does not`, {
    hints: [
      `Restore ${missing} from a backup`,
      `or, to start with a new CA: move ${there} away and run "tsmachine provision" for each machine`,
    ],
  })
}

async function makeCa({ dir, ca }: CertificatePlace, now: Date, options: EnsureCaOptions): Promise<LoadedCa> {
  const old = await readPair(dir, ca)
  if (old.cert !== undefined && !options.freshCa)
    options.report?.('CA certificate is outdated and needs to be regenerated')
  options.report?.(`Creating CA: ${resolve(dir, ca.cert)}`)
  const key = await newKey('ec')
  const commonName = `tsmachine CA ${randomBytes(4).toString('hex')}`
  const caPem = await writeCertificate({ purpose: 'ca', commonName, key, days: CA_DAYS, now })
  await writePair(dir, ca, { cert: caPem, key: keyPem(key) })
  return { certificate: readCertificate(caPem, ca.cert), key, caPem }
}

/** A pair that is expired, half, or not of this CA (docker-machine's races leave such) counts as missing. */
async function loadClient(
  { dir, client }: CertificatePlace,
  signer: Signer,
  now: Date,
): Promise<PemPair | undefined> {
  const { cert, key } = await readPair(dir, client)
  if (cert === undefined && key === undefined) return undefined
  const pair = cert !== undefined && key !== undefined ? { cert, key } : undefined
  const given = isGiven(client)
  const dates = { from: now, until: given ? now : renewalDate(now, signer) }
  const fault = pair ? clientFault(dir, client, pair, signer, dates) : 'is half'
  if (fault === undefined) return pair
  if (given)
    throw new MachineError('tls', `The client certificate ${resolve(dir, client.cert)} ${fault}`, {
      hints: ['Files that you name are never replaced: give a pair that fits this CA.'],
    })
  return undefined
}

/** What is near its end is renewed in time, where it is ours, and where another one would last longer. */
function renewalDate(now: Date, { certificate }: Signer): Date {
  const soon = now.getTime() + RENEW_UNDER_DAYS * DAY_MS
  return new Date(Math.min(soon, Date.parse(certificate.validTo) - 1))
}

function clientFault(
  dir: string,
  names: PairNames,
  pair: PemPair,
  signer: Signer,
  dates: { readonly from: Date; readonly until: Date },
): string | undefined {
  if (!isPair(pair)) return 'does not belong to its key'
  const certificate = readCertificate(pair.cert, resolve(dir, names.cert))
  if (!isSignedBy(certificate, signer.certificate)) return 'is not signed by the CA'
  if (new Date(certificate.validFrom) > dates.from) return 'is not valid yet'
  return new Date(certificate.validTo) > dates.until ? undefined : 'has expired'
}

async function makeClient(
  { dir, client }: CertificatePlace,
  signer: Signer,
  now: Date,
  options: EnsureCaOptions,
): Promise<PemPair> {
  options.report?.(`Creating client certificate: ${resolve(dir, client.cert)}`)
  const pair = await issueLeaf(signer, { purpose: 'client', commonName: 'tsmachine client', now })
  await writePair(dir, client, pair)
  return pair
}

/** A new key, of the CA's kind, and a certificate for it. */
export async function issueLeaf(
  signer: Signer,
  leaf: {
    purpose: 'server' | 'client'
    commonName: string
    sans?: readonly string[]
    clientAuth?: boolean
    now: Date
  },
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
    readOptional(resolve(dir, names.cert)),
    readOptional(resolve(dir, names.key)),
  ])
  return { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) }
}
