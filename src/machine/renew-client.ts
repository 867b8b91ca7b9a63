import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../contracts/errors.js'
import { ensureCa } from '../tls/authority.js'
import { CA, copyClientFiles, readOptional } from '../tls/files.js'
import type { MachineContext } from './context.js'
import { syncDockerContext } from './docker-context.js'
import { openMachine } from './open.js'

/**
 * A new client certificate for the whole store. The CA stays, so engines go on accepting the old one as well, and every
 * machine's copy can be replaced without asking its host. Only an expired CA is replaced too: then each machine needs a
 * new server certificate, and those that `named` leaves out are named in a warning.
 */
export async function renewClientCertificate(ctx: MachineContext, named: readonly string[]): Promise<void> {
  const { certsDir } = ctx.store
  const before = await readOptional(join(certsDir, CA.cert))
  const { caPem } = await ensureCa(certsDir, {
    clock: ctx.clock,
    lock: () => ctx.store.lockCa({ signal: ctx.signal }),
    report: (text) => ctx.report({ type: 'info', text }),
    freshClient: true,
  })
  const others: string[] = []
  for (const name of ctx.store.names())
    if (!(await copyTo(ctx, name, caPem)) && !named.includes(name) && (await hasSsh(ctx, name)))
      others.push(name)
  if (before !== undefined && before !== caPem && others.length > 0)
    ctx.report({
      type: 'warn',
      text: `The CA is new: these machines are reached again after ${ctx.profile.program} regenerate-certs -f ${others.join(' ')}`,
    })
}

/** Whether the machine is of this CA and has the new pair now; its Docker context follows. */
async function copyTo(ctx: MachineContext, name: string, caPem: string): Promise<boolean> {
  const dir = ctx.store.dir(name)
  const own = await readFile(join(dir, CA.cert), 'utf8').catch(() => undefined)
  if (own !== caPem) return false
  await copyClientFiles(ctx.store.certsDir, dir)
  try {
    await syncDockerContext(ctx, await openMachine(ctx, name))
  } catch (error) {
    ctx.signal.throwIfAborted()
    // A record that cannot be used has no context to follow.
    ctx.report({ type: 'debug', machine: name, text: messageOf(error) })
  }
  return true
}

/** Certificates of other machines are not ours to renew. */
async function hasSsh(ctx: MachineContext, name: string): Promise<boolean> {
  const record = ctx.store.read(name)
  if ('error' in record) return false
  const factory = await ctx.drivers.load(record.config.DriverName).catch(() => undefined)
  return factory?.capabilities.ssh === true
}
