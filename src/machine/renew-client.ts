import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { messageOf } from '../contracts/errors.js'
import { CA, type CertificatePlace, copyClientFiles, isGiven, readOptional } from '../tls/files.js'
import { certificatePlaceOf, ensureAuthority, storeCertificates } from './certificates.js'
import type { MachineContext } from './context.js'
import { syncDockerContext } from './docker-context.js'
import { openMachine, recordedFactory } from './open.js'

/**
 * A new client certificate for the whole store. The CA stays, so engines go on accepting the old one as well, and every
 * machine's copy can be replaced without asking its host. Only an expired CA is replaced too: then each machine needs a
 * new server certificate, and those that `named` leaves out are named in a warning.
 */
export async function renewClientCertificate(ctx: MachineContext, named: readonly string[]): Promise<void> {
  const place = storeCertificates(ctx)
  if (isGiven(place.client)) {
    const path = resolve(place.dir, place.client.cert)
    ctx.report({ type: 'warn', text: `${path} is your own: it stays as it is` })
  }
  const before = await readOptional(resolve(place.dir, place.ca.cert))
  const { caPem } = await ensureAuthority(ctx, place, { freshClient: true })
  const others: string[] = []
  for (const name of ctx.store.names())
    if (!(await copyTo(ctx, name, place, caPem)) && !named.includes(name) && (await hasSsh(ctx, name)))
      others.push(name)
  if (before !== undefined && before !== caPem && others.length > 0)
    ctx.report({
      type: 'warn',
      text: `The CA is new: these machines are reached again after ${ctx.profile.program} regenerate-certs -f ${others.join(' ')}`,
    })
}

/** Whether the machine is of this CA; then it has the new pair now, and its Docker context follows. */
async function copyTo(
  ctx: MachineContext,
  name: string,
  place: CertificatePlace,
  caPem: string,
): Promise<boolean> {
  const record = ctx.store.read(name)
  const own = await readFile(join(record.dir, CA.cert), 'utf8').catch(() => undefined)
  if (own !== caPem || 'error' in record) return own === caPem
  if (
    resolve(place.dir, certificatePlaceOf(ctx, record).client.cert) !== resolve(place.dir, place.client.cert)
  )
    return true
  await copyClientFiles(place, record.dir)
  try {
    await syncDockerContext(ctx, await openMachine(ctx, name))
  } catch (error) {
    ctx.signal.throwIfAborted()
    // A driver that is not here has no context to follow.
    ctx.report({ type: 'debug', machine: name, text: messageOf(error) })
  }
  return true
}

/** Certificates of other machines are not ours to renew. */
async function hasSsh(ctx: MachineContext, name: string): Promise<boolean> {
  const record = ctx.store.read(name)
  if ('error' in record) return false
  const factory = await recordedFactory(ctx, record).catch(() => undefined)
  return factory?.capabilities.ssh === true
}
