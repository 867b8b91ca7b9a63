import type { Driver, DriverMachine, StateReport } from '../contracts/driver.js'
import { isMachineError } from '../contracts/errors.js'
import type { MachineState } from '../contracts/state.js'
import type { OpenMachine } from './open.js'

/** What the driver says of a machine now. */
export async function machineReport(
  open: OpenMachine,
  signal: AbortSignal,
): Promise<StateReport | undefined> {
  const [report] = await open.driver.states([open.machine], signal)
  return report
}

/** What a list shows of machines of one driver. */
export async function listedReports(
  driver: Driver,
  machines: readonly DriverMachine[],
  signal: AbortSignal,
): Promise<readonly StateReport[]> {
  const glance = driver.glance?.bind(driver)
  if (!glance) return await driver.states(machines, signal)
  return await Promise.all(machines.map(async (machine) => await glance(machine, signal)))
}

/** A machine's state as its driver sees it now. */
export async function machineState(open: OpenMachine, signal: AbortSignal): Promise<MachineState> {
  return (await machineReport(open, signal))?.state ?? ''
}

/** Whether it has power: from this computer alone where the driver can. A guest that hangs is `Running` here. */
export async function powerState(open: OpenMachine, signal: AbortSignal): Promise<MachineState> {
  return open.driver.localState?.(open.machine) ?? (await machineState(open, signal))
}

/** The address of a running machine that is not the recorded one; `start` takes it over. */
export function movedTo(open: OpenMachine, report: StateReport | undefined): string | undefined {
  if (report?.state !== 'Running' || !report.address) return undefined
  return report.address === recordedAddress(open) ? undefined : report.address
}

/** Undefined where the record names none: a plugin's may be known to the plugin alone. */
function recordedAddress({ driver, machine }: OpenMachine): string | undefined {
  try {
    return driver.endpoint(machine).address
  } catch (error) {
    if (isMachineError(error)) return undefined
    throw error
  }
}

/** What to tell of it. */
export function movedText({ name }: OpenMachine, address: string): string {
  return `its address is ${address} now: tsmachine start ${name} takes it over`
}
