import type { MachineState } from '../contracts/state.js'
import type { OpenMachine } from './open.js'

/** A machine's state as its driver sees it now. */
export async function machineState(open: OpenMachine, signal: AbortSignal): Promise<MachineState> {
  const [report] = await open.driver.states([open.machine], signal)
  return report?.state ?? ''
}

/** Whether it has power: from this computer alone where the driver can. A guest that hangs is `Running` here. */
export async function powerState(open: OpenMachine, signal: AbortSignal): Promise<MachineState> {
  return open.driver.localState?.(open.machine) ?? (await machineState(open, signal))
}
