import type { DriverMachine, StateReport } from '../../../contracts/driver.js'
import { mapBounded } from '../../../util/bounded.js'
import type { CloudAccount, CloudServer } from './account.js'
import { serverOf } from './part.js'
import { isTagged } from './server.js'
import { isOf } from './tags.js'

const AT_ONCE = 8

/** States of all machines of one account from one list; servers without our tags are asked for one by one. */
export async function serverStates(
  account: CloudAccount,
  machines: readonly DriverMachine[],
  signal: AbortSignal,
): Promise<readonly StateReport[]> {
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

function report({ id, resources }: DriverMachine, server: CloudServer | undefined): StateReport {
  if (server) return { id, state: server.state, ...(server.error ? { error: server.error } : {}) }
  const known = serverOf(resources)?.id
  const error = known === undefined ? 'no server was made' : `server ${known} is gone`
  return { id, state: 'Error', error }
}
