import { isMachineError, type MachineError, toMachineError } from '../contracts/errors.js'
import type { Stage } from '../contracts/events.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { ABORT_GRACE_MS } from './limits.js'

/** One stage of a verb: what it does, how long it may take and what to type when it fails. */
export interface StageDefinition<S> {
  readonly stage: Stage
  /** Shown while it runs: `Waiting for SSH`. */
  readonly text: string
  /** Milliseconds with hardware virtualisation; multiplied by the state's patience. */
  readonly deadlineMs: number
  /** In place of that, if it says something: it knows what the driver needs. */
  readonly limitMs?: (state: S) => number
  readonly run: (state: S, signal: AbortSignal) => Promise<void>
  /** The last thing seen, for the error text. */
  readonly evidence?: (state: S) => string | undefined
  readonly hints: (state: S) => readonly string[]
  /** Asked when it failed and nobody interrupted it: the failure with what can still be learnt of it. */
  readonly explain?: (state: S, error: unknown) => Promise<unknown>
}

/** What every staged verb carries along. */
export interface StagedState {
  readonly ctx: MachineContext
  readonly name: string
  readonly patience: number
}

/**
 * Runs one stage under its own deadline.
 * @throws MachineError with the stage, the last evidence and the next command to type
 */
export async function runStage<S extends StagedState>(
  definition: StageDefinition<S>,
  state: S,
): Promise<void> {
  const { ctx, name } = state
  const say = (progress: 'start' | 'done' | 'failed'): void =>
    ctx.report({
      type: 'stage',
      machine: name,
      stage: definition.stage,
      state: progress,
      text: definition.text,
    })
  const evidence = (): string | undefined => definition.evidence?.(state)
  say('start')
  try {
    await withDeadline(
      `stage "${definition.stage}" of ${name}`,
      definition.limitMs?.(state) ?? definition.deadlineMs * state.patience,
      (signal) => definition.run(state, signal),
      { signal: ctx.signal, evidence, graceMs: ABORT_GRACE_MS, clock: ctx.clock },
    )
    say('done')
  } catch (error) {
    say('failed')
    const known = ctx.signal.aborted ? error : ((await definition.explain?.(state, error)) ?? error)
    throw explain(known, definition, state, evidence())
  }
}

function explain<S extends StagedState>(
  error: unknown,
  definition: StageDefinition<S>,
  state: S,
  evidence: string | undefined,
): MachineError {
  const reason: unknown = state.ctx.signal.aborted ? state.ctx.signal.reason : error
  const failure = isMachineError(reason) ? reason : toMachineError(reason)
  return failure.with({
    stage: definition.stage,
    machine: state.name,
    hints: definition.hints(state),
    ...(evidence === undefined ? {} : { evidence }),
  })
}
