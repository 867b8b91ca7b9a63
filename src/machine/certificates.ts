import { join, resolve } from 'node:path'
import type { MachineRecord } from '../contracts/record.js'
import { recordedFiles } from '../store/records.js'
import { type Authority, ensureCa, type EnsureCaOptions, isPair } from '../tls/authority.js'
import {
  CA,
  type CertificatePlace,
  certificatePlace,
  copyClientFiles,
  type PemPair,
  readOptional,
  SERVER,
  settlePair,
  writePair,
} from '../tls/files.js'
import { needsRenewal } from '../tls/inspect.js'
import { issueServer } from '../tls/server.js'
import type { MachineContext } from './context.js'
import { type OpenMachine, recordedFactory } from './open.js'

/** Texts that the host gets, and whether they are new. */
export interface ServerCertificate {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly renewed: boolean
}

/** Paths of the client's files of one machine: DOCKER_CERT_PATH points at their folder. */
export function clientFiles(dir: string): { ca: string; cert: string; key: string } {
  return { ca: join(dir, 'ca.pem'), cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }
}

/** The store's CA and client pair, with the files that this run's flags name. */
export function storeCertificates(ctx: MachineContext): CertificatePlace {
  return certificatePlace(ctx.store.certsDir, ctx.tlsFiles)
}

/** The same for one machine: its record names the files that it was made with. */
export function certificatePlaceOf(ctx: MachineContext, { config }: MachineRecord): CertificatePlace {
  return certificatePlace(ctx.store.certsDir, recordedFiles(config.HostOptions.AuthOptions))
}

export interface EnsureAuthorityOptions extends Pick<EnsureCaOptions, 'freshClient' | 'freshCa'> {
  /** Machines that get a certificate of the CA next. */
  readonly next: readonly string[]
}

/** Makes what is missing, in docker-machine's words. Who is left behind by a CA that was replaced is named in a warning. */
export async function ensureAuthority(
  ctx: MachineContext,
  place: CertificatePlace,
  { next, ...options }: EnsureAuthorityOptions,
): Promise<Authority> {
  const before = await readOptional(resolve(place.dir, place.ca.cert))
  const authority = await ensureCa(place, {
    ...options,
    clock: ctx.clock,
    lock: () => ctx.store.lockCa({ signal: ctx.signal }),
    report: (text) => ctx.report({ type: 'info', text }),
  })
  if (before !== undefined && before !== authority.caPem) await warnOthers(ctx, before, next)
  return authority
}

async function warnOthers(ctx: MachineContext, old: string, next: readonly string[]): Promise<void> {
  const others: string[] = []
  for (const name of ctx.store.names())
    if (!next.includes(name) && (await isOfCa(ctx, name, old))) others.push(name)
  if (others.length === 0) return
  const text = `The CA is new: these machines are of the old one until ${ctx.profile.program} regenerate-certs -f ${others.join(' ')}`
  ctx.report({ type: 'warn', text })
}

/** Certificates of a host without SSH are not ours to renew. */
async function isOfCa(ctx: MachineContext, name: string, caPem: string): Promise<boolean> {
  const record = ctx.store.read(name)
  if ('error' in record) return false
  const own = await readOptional(join(record.dir, CA.cert)).catch(() => undefined)
  if (own !== caPem) return false
  const factory = await recordedFactory(ctx, record).catch(() => undefined)
  return factory?.capabilities.ssh === true
}

/** Every name and address by which the engine is reached, the user's own first. */
export function serverSans(open: OpenMachine): readonly string[] {
  const endpoint = open.driver.endpoint(open.machine)
  return [
    ...new Set([...open.ledger.options.tlsSans, endpoint.address, 'localhost', open.name, ...endpoint.sans]),
  ].filter((name) => name !== '')
}

/** The machine's server certificate: made when missing, due, of another CA, or when an address is not in it. */
export async function ensureServerCertificate(
  ctx: MachineContext,
  open: OpenMachine,
  options: { force?: boolean } = {},
): Promise<ServerCertificate> {
  const { dir } = open.record
  const place = certificatePlaceOf(ctx, open.record)
  const ca = await ensureAuthority(ctx, place, { next: [open.name] })
  await copyClientFiles(place, dir)
  const sans = serverSans(open)
  const present = await readServerPair(dir)
  const clientAuth = open.ledger.options.swarm?.master === true
  const due =
    !present ||
    needsRenewal(present.cert, { sans, clientAuth, caPem: ca.caPem, now: ctx.clock.now() }) !== undefined
  if (present && !due && !options.force) return { ca: ca.caPem, ...present, renewed: false }
  const made = await issueServer({ ca, name: open.name, sans, clientAuth, clock: ctx.clock })
  await writePair(dir, SERVER, made)
  return { ca: ca.caPem, ...made, renewed: true }
}

async function readServerPair(dir: string): Promise<PemPair | undefined> {
  await settlePair(dir, SERVER, isPair)
  const [cert, key] = await Promise.all([
    readOptional(join(dir, SERVER.cert)),
    readOptional(join(dir, SERVER.key)),
  ])
  return cert !== undefined && key !== undefined && isPair({ cert, key }) ? { cert, key } : undefined
}
