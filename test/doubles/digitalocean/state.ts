import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../../src/contracts/json.js'
import type { Power } from '../cloud/power.js'
import { ProviderState } from '../cloud/provider-state.js'
import type { Image, Size } from './catalog.js'
import { regionJson, REGIONS } from './catalog.js'
import { notFound, unprocessable } from './words.js'

export interface Key {
  readonly id: number
  readonly fingerprint: string
  readonly public_key: string
  name: string
}

export interface Droplet {
  readonly id: number
  name: string
  readonly region: string
  readonly size: Size
  readonly image: Image
  readonly createdAt: string
  readonly tags: Set<string>
  readonly features: readonly string[]
  readonly volumes: Set<string>
  readonly vpc: string
  readonly ipv6: boolean
  readonly publicNetworking: boolean
  readonly power: Power
  readonly privateAddress: string
  status: 'new' | 'active' | 'off'
}

export interface Action {
  readonly id: number
  status: 'in-progress' | 'completed' | 'errored'
  readonly type: string
  readonly started_at: string
  completed_at: string | null
  readonly resource_id: number | null
  readonly resource_type: string
  readonly region_slug: string
}

export interface FirewallRule {
  readonly protocol: string
  readonly ports: string
  readonly sources?: FirewallTarget
  readonly destinations?: FirewallTarget
}

export interface FirewallTarget {
  readonly addresses?: readonly string[]
  readonly tags?: readonly string[]
  readonly droplet_ids?: readonly number[]
}

export interface Firewall {
  readonly id: string
  readonly created_at: string
  name: string
  status: 'waiting' | 'succeeded'
  inbound: readonly FirewallRule[]
  outbound: readonly FirewallRule[]
  droplets: Set<number>
  tags: Set<string>
}

export interface Volume {
  readonly id: string
  readonly name: string
  readonly region: string
  readonly size_gigabytes: number
  readonly description: string
  readonly filesystem_type: string
  readonly created_at: string
  readonly tags: Set<string>
  droplet: number | undefined
}

export interface ReservedIp {
  readonly ip: string
  readonly region: string
  droplet: number | undefined
}

/** The account of the double: all that it has. */
export class Account extends ProviderState<Action> {
  readonly keys = new Map<number, Key>()
  readonly droplets = new Map<number, Droplet>()
  readonly firewalls = new Map<string, Firewall>()
  readonly volumes = new Map<string, Volume>()
  readonly reserved = new Map<string, ReservedIp>()
  /** Tags stay when nothing has them any more, as at the provider. */
  readonly tags = new Set<string>()
  readonly projectResources = new Set<string>()
  readonly defaultProject = randomUUID()
  readonly vpcs: ReadonlyMap<string, { slug: string; index: number }> = new Map(
    REGIONS.map(({ slug }, index) => [randomUUID(), { slug, index }]),
  )
  protected override lastId = 400_000_000

  /** Starts an action; `end` finishes it. */
  begin(type: string, what: { id: number | null; type: string; region: string }): Action {
    return this.begun({
      ...{
        id: this.nextId(),
        status: 'in-progress',
        type,
        started_at: this.timeline.now(),
        completed_at: null,
      },
      ...{ resource_id: what.id, resource_type: what.type, region_slug: what.region },
    })
  }

  override end(action: Action, failed = false): void {
    action.status = failed ? 'errored' : 'completed'
    action.completed_at = this.timeline.now()
  }

  droplet(id: string | number): Droplet {
    return found(this.droplets.get(Number(id)))
  }

  addTags(tags: readonly string[]): void {
    for (const tag of tags) {
      if (!/^[a-zA-Z0-9_:-]{1,255}$/.test(tag))
        throw unprocessable('Tag name may only contain letters, numbers, colons, dashes, and underscores')
      this.tags.add(tag)
    }
  }

  vpcOf(region: string): string {
    return [...this.vpcs].find(([, { slug }]) => slug === region)?.[0] ?? ''
  }
}

export function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw notFound()
  return thing
}

export function regionOf(slug: string): JsonObject {
  const region = REGIONS.find((one) => one.slug === slug)
  return region ? regionJson(region) : {}
}
