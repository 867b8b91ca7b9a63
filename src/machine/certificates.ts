import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureCa } from '../tls/authority.js'
import { issueServer } from '../tls/server.js'
import { copyClientFiles } from '../tls/client-files.js'
import { needsRenewal } from '../tls/expiry.js'
import { writeFileAtomic } from '../util/atomic-file.js'
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
  const ca = await ensureCa(ctx.store.certsDir, { clock: ctx.clock, env: ctx.env, signal: ctx.signal })
  await copyClientFiles(ctx.store.certsDir, open.record.dir)
  const paths = { cert: join(open.record.dir, 'server.pem'), key: join(open.record.dir, 'server-key.pem') }
  const sans = serverSans(open)
  const [cert, key] = await Promise.all([readText(paths.cert), readText(paths.key)])
  const usable =
    cert !== undefined &&
    key !== undefined &&
    !needsRenewal(cert, { sans, caPem: ca.certPem, now: ctx.clock.now() })
  if (usable && !options.force) return { ca: ca.certPem, cert, key, renewed: false }
  const made = await issueServer(ca, { name: open.name, sans, clock: ctx.clock })
  await writeFileAtomic(paths.key, made.keyPem, { mode: 0o600 })
  await writeFileAtomic(paths.cert, made.certPem, { mode: 0o644 })
  return { ca: ca.certPem, cert: made.certPem, key: made.keyPem, renewed: true }
}

async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined)
}
