import type { StateReport } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { MachineState } from '../contracts/state.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'
import { machineReport } from './state.js'

/** A provider may have to be asked. */
const ASK_MS = 20_000

/** States in which nobody answers, and what ends each. Of others nothing can be said: a guest may be coming or going. */
const SILENT: Partial<Readonly<Record<MachineState, (name: string) => string>>> = {
  Error: (name) => `Start it anew: tsmachine kill ${name}, then: tsmachine start ${name}`,
  Stopped: (name) => `Start it: tsmachine start ${name}`,
  Paused: (name) => `Let it go on: tsmachine start ${name}`,
  Saved: (name) => `Let it go on: tsmachine start ${name}`,
}

/**
 * A failure with what the driver says of a machine that has stopped meanwhile: its kernel panicked, its power was cut, its
 * VM was paused. Undefined where it runs, or its driver knows nothing of its power.
 */
export async function explainByState(
  ctx: MachineContext,
  open: OpenMachine,
  error: MachineError,
): Promise<MachineError | undefined> {
  const report = await ask(ctx, open)
  const next = report === undefined ? undefined : SILENT[report.state]
  if (report === undefined || next === undefined) return undefined
  const { code, message, cause, exitCode, stage, evidence, machine, hints } = error
  const why = report.error === undefined ? '' : ` (${report.error})`
  return new MachineError(code, `${message}. Its state is ${report.state}${why}`, {
    machine: machine ?? open.name,
    exitCode,
    cause,
    // A create that is not over goes on by itself, once there is nothing left that stands in its way.
    hints: [...(open.ledger.phase === 'ready' ? [next(open.name)] : unfinished(open, report)), ...hints],
    ...(stage === undefined ? {} : { stage }),
    ...(evidence === undefined ? {} : { evidence }),
  })
}

function unfinished({ name }: OpenMachine, { state }: StateReport): readonly string[] {
  return state === 'Error' ? [`Cut its power first: tsmachine kill ${name}`] : []
}

async function ask(ctx: MachineContext, open: OpenMachine): Promise<StateReport | undefined> {
  if (!open.factory.capabilities.power) return undefined
  const { clock, signal } = ctx
  const look = (limit: AbortSignal): Promise<StateReport | undefined> => machineReport(open, limit)
  return await withDeadline(`the state of ${open.name}`, ASK_MS, look, { clock, signal }).catch(
    () => undefined,
  )
}
