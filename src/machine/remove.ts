import { basename } from 'node:path'
import { type MachineError, toMachineError } from '../contracts/errors.js'
import type { LedgerRecord } from '../contracts/record.js'
import { processesIn } from '../util/process.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { dropDockerContext } from './docker-context.js'
import { recordEvents, reportEvents, updateLedger } from './driver-events.js'
import { isDiskFull, lockToEnd } from './full-disk.js'
import { interruptCreate, runningCreate } from './interrupt.js'
import { graceOf, limitOf } from './limits.js'
import { notFound } from './names.js'
import { type OpenMachine, openRemains } from './open.js'
import { withRecordedSecrets } from './recorded-first.js'

const REMOVE_MS = 180_000

export interface RemoveOptions {
  /** Drop the record even when the provider refuses; what may be left is kept as a tombstone for `gc`. */
  readonly force: boolean
}

/**
 * Removes a machine and everything that its record names. Removing what the provider no longer has succeeds. A running
 * `create` of the same name is told to stop and to write down what it has made.
 * Forced, failures are reported and nothing is thrown. Returns whether there was something to remove.
 * @throws MachineError and keeps the record when the provider refuses, unless forced
 */
export async function removeMachine(
  ctx: MachineContext,
  name: string,
  options: RemoveOptions,
): Promise<boolean> {
  if (!ctx.store.exists(name) && !runningCreate(ctx, name)) {
    const failure = notFound(ctx, name)
    if (!options.force) throw failure.prefixed(prefixOf(name))
    ctx.report({ type: 'error', machine: name, text: prefixOf(name) + failure.message })
    ctx.report({ type: 'error', machine: name, text: `Can't remove "${name}"` })
    return false
  }
  await interruptCreate(ctx, name, options)
  const lock = await lockToEnd(ctx, name, `rm ${name}`)
  try {
    // Gone meanwhile: another rm was faster, or the create had made nothing yet.
    if (ctx.store.exists(name)) await removeLocked(ctx, name, options)
    return true
  } finally {
    await lock.release()
  }
}

/**
 * Removes all that a machine's record names. Its directory stays for the one who keeps it: a host that we serve a driver.
 * @throws MachineError as `removeMachine`
 */
export async function removeMade(ctx: MachineContext, name: string): Promise<void> {
  await interruptCreate(ctx, name, { force: false })
  const lock = await lockToEnd(ctx, name, `rm ${name}`)
  try {
    if (ctx.store.exists(name)) await removeAll(ctx, name)
  } finally {
    await lock.release()
  }
}

async function removeAll(ctx: MachineContext, name: string): Promise<void> {
  const open = await withRecordedSecrets(
    ctx,
    (how) => openRemains(ctx, name, how),
    (opened) => removeResources(ctx, opened),
  )
  await dropDockerContext(ctx, open)
}

async function removeLocked(ctx: MachineContext, name: string, options: RemoveOptions): Promise<void> {
  try {
    await removeAll(ctx, name)
  } catch (error) {
    if (!options.force || ctx.signal.aborted) throw refused(name, error)
    const text = prefixOf(name) + toMachineError(error).message
    ctx.report({ type: 'error', machine: name, text })
    await openRemains(ctx, name, { secrets: false }).then(
      (open) => dropDockerContext(ctx, open),
      () => tellLeftovers(ctx, name),
    )
    await ctx.store.tombstone(name)
    return
  }
  await ctx.store.remove(name)
}

/** Where no record says what a machine had made, its user has to look. */
function tellLeftovers(ctx: MachineContext, name: string): void {
  const found = processesIn(ctx.store.dir(name)).map(
    ({ pid, program }) => `kill ${pid} (${basename(program)})`,
  )
  const text = [
    `What "${name}" had made is not known and may be left.`,
    ...(found.length > 0 ? [`These processes belong to it: ${found.join(', ')}.`] : []),
    `Its Docker context, if it had one: docker context rm ${name}`,
  ].join(' ')
  ctx.report({ type: 'warn', machine: name, text })
}

async function removeResources(ctx: MachineContext, open: OpenMachine): Promise<void> {
  const { name, factory, driver } = open
  const events = (signal: AbortSignal) => driver.remove(open.machine, signal)
  // A ledger whose config.json cannot be read cannot be written either; it goes on naming everything.
  const writable = open.record.ledger !== undefined && !('error' in ctx.store.read(name))
  const record = writable && (await markRemoving(ctx, open))
  const work = (signal: AbortSignal): Promise<void> =>
    record ? recordEvents(ctx, name, factory, events(signal)) : reportEvents(ctx, name, events(signal))
  try {
    await withDeadline(`${name} to be removed`, limitOf(open, 'remove', REMOVE_MS), work, {
      signal: ctx.signal,
      graceMs: graceOf(open, 5_000),
      clock: ctx.clock,
    })
  } catch (error) {
    if (record)
      await updateLedger(ctx, name, factory, (ledger) => untouched(ledger, open.ledger)).catch(
        () => undefined,
      )
    throw error
  }
}

/** False when there is no room to write it down: removing makes room. */
async function markRemoving(ctx: MachineContext, { name, factory }: OpenMachine): Promise<boolean> {
  try {
    await updateLedger(ctx, name, factory, (ledger) => ({ ...ledger, phase: 'removing' }))
    return true
  } catch (error) {
    if (!isDiskFull(error)) throw error
    return false
  }
}

/** A machine of which nothing was removed is what it was before. */
function untouched(ledger: LedgerRecord, before: LedgerRecord): LedgerRecord {
  return ledger.resources.length < before.resources.length ? ledger : { ...ledger, phase: before.phase }
}

function refused(name: string, error: unknown): MachineError {
  return toMachineError(error)
    .prefixed(prefixOf(name))
    .with({
      machine: name,
      hints: [`The record is kept. To drop it all the same: tsmachine rm -f ${name}`],
      cause: error,
    })
}

function prefixOf(name: string): string {
  return `Error removing host "${name}": `
}
