import { isMachineError, joinErrors, MachineError } from '../contracts/errors.js'
import { describeHolder, type Lock } from '../util/locks.js'
import type { MachineContext } from './context.js'
import { runningCreate } from './interrupt.js'
import { checkMachineName } from './machine-name.js'

const PLACE = '{n}'

/**
 * The names that a create is for: with a count, each name once for every number from 1 in place of `{n}`.
 * @throws MachineError `usage` for a count without a place for it, and the other way round
 */
export function createNames(names: readonly string[], count: number | undefined): readonly string[] {
  const form = 'Write the number into the name: create -n 20 ci-{n}'
  const without = names.find((name) => name.includes(PLACE) !== (count !== undefined))
  if (count !== undefined && without !== undefined)
    throw new MachineError(
      'usage',
      `The name "${without}" has no {n}: all machines would be called the same`,
      {
        hints: [form],
      },
    )
  if (without !== undefined)
    throw new MachineError('usage', `The name "${without}" has a {n}, and no -n says how many there are`, {
      hints: [form],
    })
  const all = count === undefined ? names : names.flatMap((name) => numbered(name, count))
  return [...new Set(all)]
}

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => name.replaceAll(PLACE, String(index + 1)))
}

/** @throws MachineError `usage` for the first that no host may have */
export function checkMachineNames(names: readonly string[]): void {
  for (const name of names) checkMachineName(name)
}

/** @throws MachineError `exists` with all that are there already or are being made */
export function refuseNames(ctx: MachineContext, names: readonly string[]): void {
  const errors = names.flatMap((name) => refusal(ctx, name) ?? [])
  if (errors.length > 0) throw joinErrors(errors)
}

function refusal(ctx: MachineContext, name: string): MachineError | undefined {
  try {
    refuseRunning(ctx, name)
    refuseTaken(ctx, name)
    return undefined
  } catch (error) {
    if (!isMachineError(error)) throw error
    return error
  }
}

/** @throws MachineError `exists`, with the way on when its create never finished */
export function refuseTaken(ctx: MachineContext, name: string): void {
  if (!ctx.store.exists(name)) return
  const record = ctx.store.read(name)
  const phase = record.ledger?.phase
  const unfinished = !('error' in record) && (phase === 'creating' || phase === 'failed')
  throw new MachineError('exists', `Docker machine "${name}" already exists`, {
    machine: name,
    hints: unfinished
      ? [`Its create did not finish: tsmachine create ${name} --resume`, `or remove it: tsmachine rm ${name}`]
      : [`tsmachine rm ${name}`, 'or choose another name'],
  })
}

/** Its record looks unfinished as well, but there is nothing to resume. */
function refuseRunning(ctx: MachineContext, name: string): void {
  const holder = runningCreate(ctx, name)
  if (!holder) return
  throw new MachineError('exists', `Docker machine "${name}" already exists: ${describeHolder(holder)}`, {
    machine: name,
    hints: ['Wait for the other command to end.'],
  })
}

/** The lock of a machine that is not there yet. @throws MachineError `exists` when another command makes it */
export async function lockForCreate(ctx: MachineContext, name: string): Promise<Lock> {
  try {
    return await ctx.store.lock(name, `create ${name}`, { waitMs: 0, signal: ctx.signal })
  } catch (error) {
    if (!isMachineError(error) || error.code !== 'locked') throw error
    throw new MachineError('exists', `Docker machine "${name}" already exists: ${error.message}`, {
      machine: name,
      // A lock that says nothing has to be removed by hand.
      hints: ctx.store.lockHolder(name) ? ['Wait for the other command to end.'] : error.hints,
      cause: error,
    })
  }
}
