import type { MachineState } from '../contracts/state.js'
import type { OpenMachine } from './open.js'

/** A machine's state: from this computer alone where the driver can, else from its provider. */
export async function machineState(open: OpenMachine, signal: AbortSignal): Promise<MachineState> {
  if (open.driver.localState) return open.driver.localState(open.machine)
  const [report] = await open.driver.states([open.machine], signal)
  return report?.state ?? ''
}
