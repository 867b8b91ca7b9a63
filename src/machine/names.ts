import { isMachineError, joinErrors, MachineError, toMachineError } from '../contracts/errors.js'
import { mapBounded } from '../util/bounded.js'
import { nearest } from '../util/nearest.js'
import type { MachineContext } from './context.js'

const AT_ONCE = 8
const DEFAULT_NAME = 'default'

/**
 * The machines that a verb is for: those named, else the one called `default` if there is one.
 * @throws MachineError `not-found` for the first unknown name, before anything is done to the others
 */
export function resolveNames(ctx: MachineContext, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [resolveDefault(ctx)]
  const unknown = names.find((name) => !ctx.store.exists(name))
  if (unknown !== undefined) throw notFound(ctx, unknown)
  return [...new Set(names)]
}

/** As `resolveNames` for verbs that take at most one. @throws MachineError `usage` for more */
export function resolveName(ctx: MachineContext, names: readonly string[]): string {
  if (names.length > 1) throw new MachineError('usage', 'Error: Expected one machine name as an argument')
  return resolveNames(ctx, names)[0] ?? DEFAULT_NAME
}

function resolveDefault(ctx: MachineContext): string {
  if (ctx.store.exists(DEFAULT_NAME)) return DEFAULT_NAME
  throw new MachineError('usage', 'Error: No machine name(s) specified and no "default" machine exists', {
    hints: [`See which machines there are: ${ctx.profile.program} ls`],
  })
}

/** docker-machine's text for a machine that is not there. */
export function notFound(ctx: MachineContext, name: string): MachineError {
  const { program } = ctx.profile
  const message = `Docker machine "${name}" does not exist. Use "${program} ls" to list machines. Use "${program} create" to add a new one.`
  const near = nearest(name, ctx.store.names())
  return new MachineError('not-found', message, {
    machine: name,
    hints: near === undefined ? [] : [`Did you mean ${near}?`],
  })
}

/** What one machine's part of a verb gave. */
export interface NamedResult<T> {
  readonly name: string
  readonly value: T
}

/**
 * Runs one verb on many machines, some at a time, all to the end; results come in the order of the names.
 * @throws MachineError of the one that failed, or one that holds all of them
 */
export async function withMachines<T>(
  names: readonly string[],
  work: (name: string) => Promise<T>,
): Promise<readonly NamedResult<T>[]> {
  const outcomes = await mapBounded(names, AT_ONCE, async (name) => await settle(name, work))
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []))
  if (errors.length > 0) throw joinErrors(errors)
  return outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome]))
}

/** One machine's part, its error named after it. */
export async function settle<T>(
  name: string,
  work: (name: string) => Promise<T>,
): Promise<NamedResult<T> | { readonly error: MachineError }> {
  try {
    return { name, value: await work(name) }
  } catch (error) {
    const known = isMachineError(error) ? error : toMachineError(error)
    return { error: known.with({ machine: name }) }
  }
}
