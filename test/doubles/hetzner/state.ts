import type { JsonObject } from '../../../src/contracts/json.js'
import { Refusal } from '../cloud/http.js'
import type { Power } from '../cloud/power.js'
import { ProviderState } from '../cloud/provider-state.js'
import type { Image, Location, ServerType } from './catalog.js'
import type { Labels } from './labels.js'
import { notFound, taken } from './words.js'

/** What every resource of a project has. */
export interface Named {
  readonly id: number
  name: string
  labels: Labels
  readonly created: string
}

export interface Key extends Named {
  readonly fingerprint: string
  readonly public_key: string
}

export interface Server extends Named {
  readonly type: ServerType
  readonly image: Image
  readonly location: Location
  readonly power: Power
  /** Until it first runs; then the power says. */
  phase: 'initializing' | 'starting' | 'made' | 'deleting'
  protected: boolean
  placementGroup: number | undefined
  readonly networks: Map<number, string>
}

export interface Rule {
  readonly direction: 'in' | 'out'
  readonly protocol: string
  readonly port?: string
  readonly source_ips?: readonly string[]
  readonly destination_ips?: readonly string[]
  readonly description?: string | null
}

export interface Firewall extends Named {
  rules: readonly Rule[]
  servers: Set<number>
  selectors: Set<string>
}

export interface Volume extends Named {
  readonly size: number
  readonly location: Location
  readonly format: string | null
  server: number | undefined
}

export interface Network extends Named {
  readonly ipRange: string
  readonly subnets: readonly JsonObject[]
}

export interface PrimaryIp extends Named {
  readonly type: 'ipv4' | 'ipv6'
  readonly location: Location
  /** Absent: the server's own address, whatever that is at the moment. */
  readonly ip: string | undefined
  autoDelete: boolean
  server: number | undefined
}

export interface PlacementGroup extends Named {
  readonly type: 'spread'
}

export interface Action {
  readonly id: number
  readonly command: string
  readonly started: string
  readonly resources: readonly { readonly id: number; readonly type: string }[]
  status: 'running' | 'success' | 'error'
  finished: string | null
}

/** The project of the double: all that it has. */
export class Project extends ProviderState<Action> {
  readonly keys = new Map<number, Key>()
  readonly servers = new Map<number, Server>()
  readonly firewalls = new Map<number, Firewall>()
  readonly volumes = new Map<number, Volume>()
  readonly networks = new Map<number, Network>()
  readonly primaryIps = new Map<number, PrimaryIp>()
  readonly placementGroups = new Map<number, PlacementGroup>()
  protected override lastId = 40_000_000

  named(name: string, labels: Labels): Named {
    return { id: this.nextId(), name, labels, created: this.timeline.now() }
  }

  begin(command: string, ...resources: Action['resources']): Action {
    return this.begun({
      ...{ id: this.nextId(), command, started: this.timeline.now(), resources },
      ...{ status: 'running', finished: null },
    })
  }

  override end(action: Action, failed = false): void {
    action.status = failed ? 'error' : 'success'
    action.finished = this.timeline.now()
  }

  /** An action that ends after the usual time. */
  brief(command: string, ...resources: Action['resources']): Action {
    return this.endSoon(this.begin(command, ...resources))
  }

  server(id: string | number | undefined): Server {
    return found(this.servers, id, 'server')
  }
}

export function found<T>(all: ReadonlyMap<number, T>, id: string | number | undefined, what: string): T {
  const one = all.get(Number(id))
  if (one === undefined) throw notFound(what, id)
  return one
}

export function uniqueName(all: Iterable<Named>, name: string, what: string, self?: Named): void {
  for (const one of all) if (one.name === name && one !== self) throw taken(`${what} is already used`)
}

export const locked = (what: string): Refusal => new Refusal(423, 'locked', `${what} is locked`)
