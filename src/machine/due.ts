import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { LedgerRecord } from '../contracts/record.js'
import { certificateInfo, needsRenewal } from '../tls/inspect.js'
import { certificatePlaceOf } from './certificates.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'

/** How the record names the certificate that a host has. */
export function installedCertificate(pem: string): NonNullable<LedgerRecord['certificate']> {
  return { sha256: sha256(pem), notAfter: certificateInfo(pem).notAfter.toISOString() }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * Whether a machine's certificates have to be renewed: the server's is missing, near its end, of another CA, lacks one
 * of these names, or never reached the host; or the client's is near its end.
 */
export async function certificatesAreDue(
  ctx: MachineContext,
  open: OpenMachine,
  sans: readonly string[],
): Promise<boolean> {
  const place = certificatePlaceOf(ctx, open.record)
  const read = (dir: string, name: string) => readFile(resolve(dir, name), 'utf8').catch(() => undefined)
  const [server, client, caPem] = await Promise.all([
    read(open.record.dir, 'server.pem'),
    read(open.record.dir, 'cert.pem'),
    read(place.dir, place.ca.cert),
  ])
  if (server === undefined || client === undefined || caPem === undefined) return true
  const installed = open.ledger.certificate?.sha256
  if (installed !== undefined && installed !== sha256(server)) return true
  const now = ctx.clock.now()
  return [needsRenewal(server, { sans, caPem, now }), needsRenewal(client, { sans: [], caPem, now })].some(
    (reason) => reason !== undefined,
  )
}
