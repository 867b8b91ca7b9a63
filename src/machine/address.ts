import type { Endpoint } from '../contracts/driver.js'
import { MachineError, toMachineError } from '../contracts/errors.js'
import type { MachineContext } from './context.js'
import { type OpenMachine, openWithoutSecrets } from './open.js'

/** Where one machine is reached, as its record says: no network (design 4). */
export interface Address {
  readonly name: string
  readonly ip: string
  /** `tcp://IP:PORT`, IPv6 in brackets. */
  readonly url: string
}

/** @throws MachineError `not-running` when this computer alone knows that the machine is down, `prefix` in front */
export async function machineAddress(ctx: MachineContext, name: string, prefix = ''): Promise<Address> {
  return addressOf(await openWithoutSecrets(ctx, name), prefix)
}

/** The same for a machine that is open already. */
export function addressOf(open: OpenMachine, prefix = ''): Address {
  try {
    requireRunning(open)
    const endpoint = open.driver.endpoint(open.machine)
    return { name: open.name, ip: endpoint.address, url: urlOf(endpoint) }
  } catch (error) {
    throw prefix === '' ? error : toMachineError(error).prefixed(prefix)
  }
}

/** The engine's URL; where the user gave one, as it was given. */
export function urlOf(endpoint: Endpoint): string {
  return endpoint.url ?? engineUrl(endpoint.engine)
}

/** `tcp://` form of an engine's host and port. */
export function engineUrl(engine: { host: string; port: number }): string {
  return `tcp://${engine.host.includes(':') ? `[${engine.host}]` : engine.host}:${engine.port}`
}

/**
 * From the driver's local view, or for a cloud machine from its last known state.
 * @throws MachineError `not-running`
 */
export function requireRunning(open: OpenMachine): void {
  const state = open.driver.localState ? open.driver.localState(open.machine) : open.ledger.lastState?.state
  if (state === undefined || state === '' || state === 'Running') return
  throw new MachineError('not-running', 'Host is not running', {
    machine: open.name,
    hints: [`Start it: tsmachine start ${open.name}`],
  })
}
