import type { DriverMachine, StateReport } from '../../../contracts/driver.js'
import type { MachineState } from '../../../contracts/state.js'
import { mapBounded } from '../../../util/bounded.js'
import type { CloudAccount, CloudServer } from './account.js'
import { serverOf } from './part.js'
import { isTagged } from './server.js'
import { isOf } from './tags.js'

const AT_ONCE = 8

/** A provider's word in a driver's table; none for one that it did not have when the table was written. */
export function stateIn(table: Readonly<Record<string, MachineState>>, word: string): MachineState {
  return (Object.hasOwn(table, word) ? table[word] : undefined) ?? ''
}

/** The address that a machine would be reached at, as its server is now. */
export type AddressNow = (machine: DriverMachine, server: CloudServer) => string

/** States of all machines of one account from one list; servers without our tags are asked for one by one. */
export async function serverStates(
  account: CloudAccount,
  machines: readonly DriverMachine[],
  addressNow: AddressNow,
  signal: AbortSignal,
): Promise<readonly StateReport[]> {
  const report = (machine: DriverMachine, server: CloudServer | undefined): StateReport =>
    server ? seen(machine, server, addressNow) : missing(machine)
  const listed = machines.some(isListed) ? await account.listServers(signal) : []
  const byId = new Map(listed.map((server) => [server.id, server]))
  return await mapBounded(machines, AT_ONCE, async (machine) => {
    const id = serverOf(machine.resources)?.id
    if (id === undefined)
      return report(
        machine,
        listed.find(({ tags }) => isOf(tags, machine)),
      )
    return report(machine, isListed(machine) ? byId.get(id) : await account.server(id, signal))
  })
}

function isListed(machine: DriverMachine): boolean {
  const server = serverOf(machine.resources)
  return server === undefined || isTagged(server)
}

function seen(machine: DriverMachine, server: CloudServer, addressNow: AddressNow): StateReport {
  const address = addressNow(machine, server)
  return {
    id: machine.id,
    state: server.state,
    ...(server.error ? { error: server.error } : {}),
    ...(address === '' ? {} : { address }),
  }
}

function missing({ id, resources }: DriverMachine): StateReport {
  const known = serverOf(resources)?.id
  const error = known === undefined ? 'no server was made' : `server ${known} is gone`
  return { id, state: 'Error', error }
}
