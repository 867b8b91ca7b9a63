/** How Hetzner's servers are read. */
import type { MachineState } from '../../contracts/state.js'
import type { Addresses, CloudServer } from '../common/cloud/account.js'
import { stateIn } from '../common/cloud/states.js'
import type { Server, ServerType } from './api-types.js'
import { tagsOf } from './labels.js'

const STATES: Readonly<Record<Server['status'], MachineState>> = {
  initializing: 'Starting',
  starting: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  off: 'Stopped',
  deleting: 'Stopping',
  migrating: 'Starting',
  rebuilding: 'Starting',
  unknown: '',
}

export function cloudServer(server: Server): CloudServer {
  const region = regionOf(server)
  const monthlyPrice = region === undefined ? undefined : priceOf(server.server_type, region)
  return {
    id: String(server.id),
    name: server.name,
    state: stateIn(STATES, server.status),
    tags: tagsOf(server.labels),
    addresses: addressesOf(server),
    firewalls: (server.public_net.firewalls ?? []).map(({ id }) => String(id)),
    createdAt: server.created,
    ...(region === undefined ? {} : { region }),
    ...(monthlyPrice === undefined ? {} : { monthlyPrice: { amount: monthlyPrice, currency: 'EUR' } }),
  }
}

export function regionOf(server: Server): string | undefined {
  return server.location?.name ?? server.datacenter?.location.name
}

/** What a server type costs a month there, VAT included as the API says it; undefined where it is not sold. */
export function priceOf({ prices }: ServerType, location: string): number | undefined {
  const price = prices.find((each) => each.location === location)
  return price && Math.round(Number(price.price_monthly.gross) * 100) / 100
}

function addressesOf({ public_net: { ipv4, ipv6 }, private_net: nets }: Server): Addresses {
  const own = nets[0]?.ip
  return {
    ...(ipv4 ? { public4: ipv4.ip } : {}),
    ...(ipv6 ? { public6: hostOf(ipv6.ip) } : {}),
    ...(own === undefined ? {} : { private: own }),
  }
}

/** A server is given a network of IPv6 addresses; its image takes the first one. */
function hostOf(network: string): string {
  const [address = '', length] = network.split('/')
  return length === undefined || !address.endsWith('::') ? address : `${address}1`
}
