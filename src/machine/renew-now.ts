import { requireRunning } from './address.js'
import type { MachineContext } from './context.js'
import { openMachine } from './open.js'
import { renewCertificates } from './renew.js'

/** New certificates for one machine although the present ones would do: `provision --certificates`. */
export async function renewNow(ctx: MachineContext, name: string, force: boolean): Promise<void> {
  const lock = await ctx.store.lock(name, `provision ${name}`, { signal: ctx.signal })
  try {
    const open = await openMachine(ctx, name)
    requireRunning(open)
    ctx.report({ type: 'info', machine: name, text: 'Regenerating TLS certificates' })
    await renewCertificates(ctx, open, { always: true, force })
  } finally {
    await lock.release()
  }
}
