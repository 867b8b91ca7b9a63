import { isMachineError } from '../contracts/errors.js'
import { describeHolder, holderState, type LockHolder } from '../util/locks.js'
import { signalProcess } from '../util/process.js'
import { pending, waitFor } from '../util/wait.js'
import type { MachineContext } from './context.js'

const PATIENCE_MS = 30_000
const FORCED_PATIENCE_MS = 15_000

/** The `create` of this machine that runs in another process on this computer, if one does. */
export function runningCreate(ctx: MachineContext, name: string): LockHolder | undefined {
  const holder = ctx.store.lockHolder(name)
  return holder?.what.startsWith('create ') && holderState(holder) === 'alive' ? holder : undefined
}

/**
 * Asks a running `create` to stop, and waits until it has written its record. Forced, it is killed when it does not:
 * its lock is then provably nobody's.
 */
export async function interruptCreate(
  ctx: MachineContext,
  name: string,
  options: { force: boolean },
): Promise<void> {
  const holder = runningCreate(ctx, name)
  if (!holder) return
  ctx.report({ type: 'info', machine: name, text: `Stopping ${describeHolder(holder)}` })
  signalProcess(holder, 'SIGTERM')
  try {
    await waitForEnd(ctx, name, holder, options.force ? FORCED_PATIENCE_MS : PATIENCE_MS)
  } catch (error) {
    if (!options.force || !isMachineError(error) || error.code !== 'timeout') throw error
    signalProcess(holder, 'SIGKILL')
  }
}

async function waitForEnd(
  ctx: MachineContext,
  name: string,
  holder: LockHolder,
  deadlineMs: number,
): Promise<void> {
  await waitFor(
    `${describeHolder(holder)} to stop`,
    () =>
      Promise.resolve(runningCreate(ctx, name)?.token === holder.token ? pending('it still works') : true),
    { deadlineMs, signal: ctx.signal, clock: ctx.clock, hints: [`tsmachine rm -f ${name}`] },
  )
}
