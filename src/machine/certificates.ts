import { join } from 'node:path'
import type { MachineRecord } from '../contracts/record.js'
import { recordedFiles } from '../store/records.js'
import { type Authority, ensureCa, type EnsureCaOptions, isPair } from '../tls/authority.js'
import {
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
import type { OpenMachine } from './open.js'

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

/** Makes what is missing, in docker-machine's words. */
export async function ensureAuthority(
  ctx: MachineContext,
  place: CertificatePlace,
  options: Pick<EnsureCaOptions, 'freshClient'> = {},
): Promise<Authority> {
  return await ensureCa(place, {
    ...options,
    clock: ctx.clock,
    lock: () => ctx.store.lockCa({ signal: ctx.signal }),
    report: (text) => ctx.report({ type: 'info', text }),
  })
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
  const ca = await ensureAuthority(ctx, place)
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
