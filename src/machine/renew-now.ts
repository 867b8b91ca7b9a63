import { requireRunning } from './address.js'
import type { MachineContext } from './context.js'
import { openMachine } from './open.js'
import { renewCertificates } from './renew.js'

/** New certificates for one machine although the present ones would do; nothing else on it changes. */
export async function renewNow(ctx: MachineContext, name: string, force: boolean): Promise<void> {
  const lock = await ctx.store.lock(name, `regenerate-certs ${name}`, { signal: ctx.signal })
  try {
    const open = await openMachine(ctx, name)
    requireRunning(open)
    await renewCertificates(ctx, open, { always: true, force })
  } finally {
    await lock.release()
  }
}
