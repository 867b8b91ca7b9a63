import { describeHolder, holderState, type LockHolder } from '../util/locks.js'
import { signalProcess } from '../util/process.js'
import { pending, waitFor } from '../util/wait.js'
import type { MachineContext } from './context.js'

const PATIENCE_MS = 30_000
const FORCED_PATIENCE_MS = 10_000

/**
 * Asks a `create` that runs in another process on this computer to stop, and waits until it has written its record.
 * Forced, it is killed when it does not: its lock is then provably nobody's.
 */
export async function interruptCreate(
  ctx: MachineContext,
  name: string,
  options: { force: boolean },
): Promise<void> {
  const holder = ctx.store.lockHolder(name)
  if (!holder?.what.startsWith('create ') || holderState(holder) !== 'alive') return
  ctx.report({ type: 'info', machine: name, text: `Stopping ${describeHolder(holder)}` })
  signalProcess(holder, 'SIGTERM')
  try {
    await waitForEnd(ctx, name, holder, options.force ? FORCED_PATIENCE_MS : PATIENCE_MS)
  } catch (error) {
    if (!options.force) throw error
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
      Promise.resolve(
        ctx.store.lockHolder(name)?.token === holder.token && holderState(holder) === 'alive'
          ? pending('it still works')
          : true,
      ),
    { deadlineMs, signal: ctx.signal, clock: ctx.clock, hints: [`tsmachine rm -f ${name}`] },
  )
}
