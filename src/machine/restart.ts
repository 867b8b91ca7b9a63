import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { isRetryableSsh } from '../ssh/errors.js'
import { type Pending, pending, waitFor } from '../util/wait.js'
import { waitForBoot } from './boot.js'
import { openShell } from './connect.js'
import { ConsoleWatch } from './console-watch.js'
import type { MachineContext } from './context.js'
import { explained } from './engine-trouble.js'
import { type OpenMachine, openMachine } from './open.js'
import { bringUp } from './start.js'
import { powerState } from './state.js'
import { takeDown } from './stop.js'
import { waitForEngine } from './verify.js'

const REBOOT_MS = 300_000
/** For a host to answer what takes it no time. */
const ASK_MS = 30_000

/** Stops a machine if it runs and starts it again; a host without power control is told to reboot itself. */
export async function restartMachine(ctx: MachineContext, name: string): Promise<void> {
  const lock = await ctx.store.lock(name, `restart ${name}`, { signal: ctx.signal })
  try {
    const open = await openMachine(ctx, name)
    if (!open.factory.capabilities.power) return await reboot(ctx, open)
    const isStopped = (await powerState(open, ctx.signal)) === 'Stopped'
    if (!isStopped && open.driver.restart) return await bringUp(ctx, open, 'restart')
    if (!isStopped) await takeDown(ctx, open, 'stop')
    await bringUp(ctx, await openMachine(ctx, name))
  } finally {
    await lock.release()
  }
}

async function reboot(ctx: MachineContext, open: OpenMachine): Promise<void> {
  if (!open.factory.capabilities.ssh) {
    throw new MachineError(
      'driver',
      open.factory.powerRefusal?.restart ?? 'hosts without a driver cannot be restarted',
    )
  }
  const before = await bootId(ctx, open)
  const shell = await openShell(ctx, open)
  // The connection may end before the answer comes: the new boot id is the proof, not the status.
  await shell
    .exec(`${sudo(open)}sh -c 'sleep 1; reboot' >/dev/null 2>&1 </dev/null &`, {
      signal: ctx.signal,
      deadlineMs: ASK_MS,
    })
    .catch(() => undefined)
  shell.close()
  const watch = new ConsoleWatch(open.driver, open.machine)
  try {
    await waitFor(
      `${open.name} to boot again`,
      (signal) => isBootedAnew(before, () => bootId(ctx, open, signal)),
      {
        deadlineMs: REBOOT_MS,
        signal: ctx.signal,
        clock: ctx.clock,
      },
    )
    await waitForBoot(ctx, open, watch, ctx.signal)
  } finally {
    watch.close()
  }
  await explained(ctx, open, () => waitForEngine(ctx, open, REBOOT_MS, ctx.signal))
}

function sudo(open: OpenMachine): string {
  return open.ledger.ssh?.user === 'root' ? '' : 'sudo -n '
}

/** Whether another boot answers. The old one may go down between the connection and its answer: then it is asked again. */
export async function isBootedAnew(before: string, ask: () => Promise<string>): Promise<true | Pending> {
  try {
    const now = await ask()
    // What a session says that was ended before its answer.
    if (now === '') return pending('the host does not say which boot it is')
    return now === before ? pending('the old boot still answers') : true
  } catch (error) {
    const isPassing = isRetryableSsh(error) || (isMachineError(error) && error.code === 'timeout')
    if (isPassing) return pending(messageOf(error))
    throw error
  }
}

/** Linux's own name for one boot. */
async function bootId(ctx: MachineContext, open: OpenMachine, signal = ctx.signal): Promise<string> {
  const shell = await openShell(ctx, open, { deadlineMs: REBOOT_MS, signal })
  try {
    const asked = await shell.exec('cat /proc/sys/kernel/random/boot_id', { signal, deadlineMs: ASK_MS })
    return asked.stdout.trim()
  } finally {
    shell.close()
  }
}
