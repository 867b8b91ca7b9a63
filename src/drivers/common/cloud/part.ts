import type { DriverMachine, JsonObject, MachineSpec } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import type { CloudAccount, CloudServer } from './account.js'

/** Something that exists at the provider. */
export interface Found {
  readonly id: string
  readonly region?: string
  readonly attributes?: JsonObject
}

/** What was made before a part, by kind. */
export type MadeParts = Readonly<Record<string, readonly Resource[]>>

/** What a part is made from. */
export interface PartRequest {
  readonly spec: MachineSpec
  /** Our own name of this one. */
  readonly key: string
  readonly made: MadeParts
  /** Tries before this one that are known to have brought nothing; repeats of one try bear one client token. */
  readonly tries?: number
  /** Tells the user why this one: zones skipped, an image chosen. */
  readonly note?: (text: string) => void
}

/**
 * One kind of thing that a driver makes for a machine: a row of its table. The engine announces it, makes it once however
 * many answers are lost, records it, and removes it.
 */
export interface Part<A extends CloudAccount> {
  readonly kind: string
  /** How it is called in texts: `SSH key`. */
  readonly text: string
  /** Machines of a store share one per key: it is removed with the last of them. */
  readonly shared?: true
  /** Whether a server needs this shared thing; absent: every server of the store does. */
  isUsedBy?(server: CloudServer, resource: Resource): boolean
  /** `make` may be repeated after a lost answer: the provider knows it again (a client token). */
  readonly idempotent?: true
  /**
   * A second `make` would make a second one: names need not be unique and there is no client token. After a lost answer it
   * is not repeated, but looked for; `create --resume` looks again before it makes another.
   */
  readonly mayTwin?: true
  /** How long a new one may be missing in the provider's lists; absent: as long as most need. */
  readonly lookMs?: number
  /** Our own names of those that this machine needs; none when it needs none. */
  keys(spec: MachineSpec): readonly string[]
  /** Looks for one that an earlier try may have made: by tag where the provider has tags, else by name. */
  find(account: A, request: PartRequest, signal: AbortSignal): Promise<Found | undefined>
  make(account: A, request: PartRequest, signal: AbortSignal): Promise<Found>
  /** Removes what a `make` of several calls may have left that was cut off before there was anything to find. */
  cleanUp?(account: A, resource: Resource, signal: AbortSignal): Promise<void>
  /** Waits until servers that are going have let go of this shared thing; comes before `remove`, without its lock. */
  untilFree?(account: A, resource: Resource, signal: AbortSignal): Promise<void>
  /** Removes it and returns when it is gone, or on its way so that nothing else is kept from going. Gone is success. */
  remove(account: A, resource: Resource, machine: DriverMachine, signal: AbortSignal): Promise<void>
}

/** The kind of the one part that every driver has. */
export const SERVER = 'server'
/** The kind of the firewalls that `setAccess` moves a server between. */
export const FIREWALL = 'firewall'

/** The machine's server, once its id is known. */
export function serverOf(resources: readonly Resource[]): Resource | undefined {
  return resources.find((resource) => resource.kind === SERVER)
}
