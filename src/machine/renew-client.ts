import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { messageOf } from '../contracts/errors.js'
import { CA, type CertificatePlace, copyClientFiles, isGiven } from '../tls/files.js'
import { certificatePlaceOf, ensureAuthority, storeCertificates } from './certificates.js'
import type { MachineContext } from './context.js'
import { syncDockerContext } from './docker-context.js'
import { openMachine } from './open.js'

/**
 * A new client certificate for the whole store. The CA stays, so engines go on accepting the old one as well, and every
 * machine's copy can be replaced without asking its host. An expired CA is replaced too, and any other with `freshCa`: then
 * each machine needs a new server certificate, and until then goes on with its own copies of the old files.
 */
export async function renewClientCertificate(
  ctx: MachineContext,
  named: readonly string[],
  { freshCa = false } = {},
): Promise<void> {
  const place = storeCertificates(ctx)
  for (const names of freshCa ? [place.ca, place.client] : [place.client])
    if (isGiven(names)) {
      const path = resolve(place.dir, names.cert)
      ctx.report({ type: 'warn', text: `${path} is your own: it stays as it is` })
    }
  const { caPem } = await ensureAuthority(ctx, place, { freshClient: true, freshCa, next: named })
  for (const name of ctx.store.names()) await copyTo(ctx, name, place, caPem)
}

/** A machine of this CA has the new pair then, and its Docker context follows. */
async function copyTo(
  ctx: MachineContext,
  name: string,
  place: CertificatePlace,
  caPem: string,
): Promise<void> {
  const record = ctx.store.read(name)
  const own = await readFile(join(record.dir, CA.cert), 'utf8').catch(() => undefined)
  if (own !== caPem || 'error' in record) return
  if (
    resolve(place.dir, certificatePlaceOf(ctx, record).client.cert) !== resolve(place.dir, place.client.cert)
  )
    return
  await copyClientFiles(place, record.dir)
  try {
    await syncDockerContext(ctx, await openMachine(ctx, name))
  } catch (error) {
    ctx.signal.throwIfAborted()
    // A driver that is not here has no context to follow.
    ctx.report({ type: 'debug', machine: name, text: messageOf(error) })
  }
}
