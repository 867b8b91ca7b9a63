import type { AccountDesk } from '../../../contracts/account.js'
import type { DriverAccount, FoundResource, JsonObject } from '../../../contracts/driver.js'
import type { Clock } from '../../../contracts/clock.js'
import type { MachineState } from '../../../contracts/state.js'
import type { Poll } from '../api/poll.js'

/** Addresses of a server; what it does not have is absent. */
export interface Addresses {
  readonly public4?: string
  readonly public6?: string
  readonly private?: string
}

/** A server as every provider's answer is read. */
export interface CloudServer {
  readonly id: string
  readonly name: string
  readonly state: MachineState
  /** In our form (`tsmachine-id` ...), whatever the provider's. */
  readonly tags: Readonly<Record<string, string>>
  readonly addresses: Addresses
  /** Ids or names of its firewalls, as `Resource.id` of a firewall has them. */
  readonly firewalls?: readonly string[]
  readonly region?: string
  readonly createdAt?: string
  readonly monthlyPrice?: FoundResource['monthlyPrice']
  /** Why it will never run, in the provider's words. */
  readonly error?: string
}

export type PowerAction = 'on' | 'shutdown' | 'off'

/** One set of credentials at one endpoint: made once in a process, whatever the number of machines. */
export interface CloudAccount {
  readonly desk: AccountDesk
  readonly clock: Clock
  /** One list call at a time for everybody in this process who waits for a server. */
  readonly servers: Poll<CloudServer>
  /** All servers that bear our marker, of every store. */
  listServers(signal: AbortSignal): Promise<readonly CloudServer[]>
  /** One server by id, for records that have no tags (docker-machine's); undefined when there is none. */
  server(id: string, signal: AbortSignal): Promise<CloudServer | undefined>
  /** Returns when the provider has taken the order, not when it is carried out. */
  power(id: string, action: PowerAction, signal: AbortSignal): Promise<void>
  /** Everything but servers that bears our tags: keys, firewalls, volumes, addresses. */
  listOthers(account: DriverAccount, signal: AbortSignal): Promise<readonly FoundResource[]>
  /** Writes further tags on a server. */
  label(id: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>
  /** The end of the serial console, where the API has it. */
  console?(id: string, signal: AbortSignal): Promise<string>
}

/** What a driver's config says of reaching its machines. */
export interface Reach {
  readonly via: 'public4' | 'public6' | 'private'
  readonly sshUser: string
  readonly sshPort: number
  readonly enginePort: number
}

/** The address that machines of this config are reached at; empty while there is none. */
export function chosenAddress(addresses: Addresses, via: Reach['via']): string {
  return addresses[via] ?? ''
}

const KINDS = ['public4', 'public6', 'private'] as const

/** Addresses as a resource's attributes, and out of its other attributes. */
export function addressAttributes(addresses: Addresses): JsonObject {
  return Object.fromEntries(
    KINDS.flatMap((kind) => (addresses[kind] === undefined ? [] : [[kind, addresses[kind]]])),
  )
}
