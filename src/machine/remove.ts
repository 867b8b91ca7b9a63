import { MachineError, toMachineError } from '../contracts/errors.js'
import { type Lock } from '../util/locks.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { dropDockerContext } from './docker-context.js'
import { recordEvents, updateLedger } from './driver-events.js'
import { interruptCreate } from './interrupt.js'
import { openMachine } from './open.js'

const REMOVE_MS = 180_000

export interface RemoveOptions {
  /** Drop the record even when the provider refuses; what may be left is kept as a tombstone for `gc`. */
  readonly force: boolean
}

/**
 * Removes a machine and everything that its record names. Removing what the provider no longer has succeeds.
 * @throws MachineError and keeps the record when the provider refuses, unless forced
 */
export async function removeMachine(
  ctx: MachineContext,
  name: string,
  options: RemoveOptions,
): Promise<void> {
  const lock = await lockForRemove(ctx, name, options)
  try {
    if (options.force && !ctx.store.exists(name)) return
    await removeLocked(ctx, name, options)
  } finally {
    await lock.release()
  }
}

/** A running `create` of the same name is told to stop and to write down what it has made. */
async function lockForRemove(ctx: MachineContext, name: string, options: RemoveOptions): Promise<Lock> {
  await interruptCreate(ctx, name, options)
  return await ctx.store.lock(name, `rm ${name}`, { signal: ctx.signal })
}

async function removeLocked(ctx: MachineContext, name: string, options: RemoveOptions): Promise<void> {
  try {
    await removeResources(ctx, name)
  } catch (error) {
    if (!options.force) throw refused(name, error)
    ctx.report({
      type: 'warn',
      machine: name,
      text: `Error removing host "${name}": ${toMachineError(error).message}`,
    })
    await ctx.store.tombstone(name)
    return
  }
  await ctx.store.remove(name)
}

async function removeResources(ctx: MachineContext, name: string): Promise<void> {
  const open = await openMachine(ctx, name)
  if (open.record.ledger)
    await updateLedger(ctx, name, open.factory, (ledger) => ({ ...ledger, phase: 'removing' }))
  await withDeadline(
    `${name} to be removed`,
    REMOVE_MS,
    (signal) => recordEvents(ctx, name, open.factory, open.driver.remove(open.machine, signal)),
    { signal: ctx.signal, graceMs: 5_000, clock: ctx.clock },
  )
  await dropDockerContext(ctx, open)
}

function refused(name: string, error: unknown): MachineError {
  const failure = toMachineError(error)
  return new MachineError(failure.code, `Error removing host "${name}": ${failure.message}`, {
    machine: name,
    hints: [...failure.hints, `The record is kept. To drop it all the same: tsmachine rm -f ${name}`],
    cause: error,
    exitCode: failure.exitCode,
    ...(failure.evidence === undefined ? {} : { evidence: failure.evidence }),
  })
}
