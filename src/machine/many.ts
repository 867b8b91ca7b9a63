import { MachineError } from '../contracts/errors.js'
import { mapBounded } from '../util/bounded.js'
import type { MachineContext } from './context.js'
import { type NamedResult, settle } from './names.js'

export interface Many {
  readonly names: readonly string[]
  readonly parallel: number
}

/** What became of the machines, each name in one list. */
interface Outcome<T> {
  readonly done: readonly NamedResult<T>[]
  readonly errors: readonly MachineError[]
  /** Not begun when the work was interrupted. */
  readonly left: readonly string[]
}

/**
 * Runs `work` for each machine, so many at a time, all to the end: a failure stops no other, a signal lets none begin.
 * @throws MachineError that names the machines that are not ready, their failures as its parts
 */
export async function eachOfMany<T>(
  ctx: MachineContext,
  { names, parallel }: Many,
  work: (name: string) => Promise<T>,
): Promise<readonly T[]> {
  const outcome = await runAll(ctx, { names, parallel }, work)
  const { done, errors, left } = outcome
  if (errors.length === 0 && left.length === 0) return done.map(({ value }) => value)
  const text = summary(outcome, names.length)
  ctx.report({ type: 'error', text })
  throw failure(text, errors, names.length, ctx.signal)
}

async function runAll<T>(
  ctx: MachineContext,
  { names, parallel }: Many,
  work: (name: string) => Promise<T>,
): Promise<Outcome<T>> {
  const done: NamedResult<T>[] = []
  const errors: MachineError[] = []
  const left: string[] = []
  await mapBounded(names, parallel, async (name) => {
    if (ctx.signal.aborted) return left.push(name)
    const one = await settle(name, work)
    return 'error' in one ? errors.push(one.error) : done.push(one)
  })
  const inOrder = (one = '', other = ''): number => names.indexOf(one) - names.indexOf(other)
  done.sort((a, b) => inOrder(a.name, b.name))
  errors.sort((a, b) => inOrder(a.machine, b.machine))
  return { done, errors, left }
}

function summary<T>({ done, errors, left }: Outcome<T>, count: number): string {
  const lists = [
    ['', done.map(({ name }) => name)],
    ['failed: ', errors.map(({ machine = '' }) => machine)],
    ['not begun: ', left],
  ] as const
  const texts = lists.flatMap(([what, names]) => (names.length > 0 ? [what + names.join(' ')] : []))
  return `${done.length} of ${count} machines are ready${done.length > 0 ? ': ' : '; '}${texts.join('; ')}`
}

function failure(
  text: string,
  errors: readonly MachineError[],
  count: number,
  signal: AbortSignal,
): MachineError {
  const [first] = errors
  if (first === undefined) return new MachineError('cancelled', text, { cause: signal.reason })
  const alike = errors.length === count && errors.every(({ code }) => code === first.code)
  return new MachineError(alike ? first.code : 'driver', text, {
    cause: new AggregateError(errors),
    exitCode: alike ? first.exitCode : 1,
  })
}
