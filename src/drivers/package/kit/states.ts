import type { DriverMachine, StateReport } from '../../../contracts/driver.js'

/** `states` with one call of `ask` for all machines of an account; equal keys are one account. */
export async function statesByAccount(
  machines: readonly DriverMachine[],
  keyOf: (machine: DriverMachine) => string,
  ask: (machines: readonly DriverMachine[]) => Promise<readonly StateReport[]>,
): Promise<readonly StateReport[]> {
  const accounts = new Map<string, DriverMachine[]>()
  for (const machine of machines) {
    const key = keyOf(machine)
    accounts.set(key, [...(accounts.get(key) ?? []), machine])
  }
  return (await Promise.all([...accounts.values()].map(ask))).flat()
}
