import type { MachineState } from '../contracts/state.js'
import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { openMachine } from './open.js'
import { machineReport, movedText, movedTo } from './state.js'

const STATUS_MS = 60_000

/** A machine's state as its driver sees it now. @throws MachineError in docker-machine's words */
export async function machineStatus(ctx: MachineContext, name: string): Promise<MachineState> {
  const open = await openMachine(ctx, name)
  try {
    const report = await withDeadline(
      `the state of ${name}`,
      STATUS_MS,
      (signal) => machineReport(open, signal),
      { signal: ctx.signal },
    )
    const moved = movedTo(open, report)
    const why = moved === undefined ? report?.error : movedText(open, moved)
    if (why !== undefined) ctx.report({ type: 'warn', machine: name, text: `${name}: ${why}` })
    return report?.state ?? ''
  } catch (cause) {
    throw new MachineError('driver', `error getting state for host ${name}: ${messageOf(cause)}`, {
      machine: name,
      hints: isMachineError(cause) ? cause.hints : [],
      cause,
    })
  }
}
