/** What we read of Hetzner's answers (Cloud API reference, v1). */
import type { Labels } from './labels.js'

export interface Server {
  readonly id: number
  readonly name: string
  readonly status:
    | 'running'
    | 'initializing'
    | 'starting'
    | 'stopping'
    | 'off'
    | 'deleting'
    | 'migrating'
    | 'rebuilding'
    | 'unknown'
  readonly created: string
  readonly labels: Labels
  readonly public_net: {
    readonly ipv4: { readonly ip: string } | null
    /** A network: `2001:db8::/64`. */
    readonly ipv6: { readonly ip: string } | null
    readonly firewalls?: readonly { readonly id: number }[]
  }
  readonly private_net: readonly { readonly network: number; readonly ip: string }[]
  readonly server_type: ServerType
  readonly location?: { readonly name: string }
  readonly datacenter?: { readonly location: { readonly name: string } } | null
}

export interface ServerType {
  readonly id: number
  readonly name: string
  readonly cores: number
  readonly memory: number
  readonly disk: number
  readonly architecture: 'x86' | 'arm'
  readonly prices: readonly Price[]
  readonly deprecation?: Deprecation | null
  readonly locations?: readonly {
    readonly name: string
    readonly deprecation: Deprecation | null
    readonly available: boolean
  }[]
}

export interface Price {
  readonly location: string
  readonly price_monthly: { readonly net: string; readonly gross: string }
}

export interface Deprecation {
  readonly unavailable_after: string
}

export interface Location {
  readonly id: number
  readonly name: string
  readonly city: string
  readonly country: string
  readonly network_zone: string
}

export interface Image {
  readonly id: number
  readonly name: string | null
  readonly description: string
  readonly type: 'system' | 'app' | 'snapshot' | 'backup'
  readonly status: 'available' | 'creating' | 'unavailable'
  readonly architecture: 'x86' | 'arm'
  readonly disk_size: number
  /** When it was. */
  readonly deprecated: string | null
  readonly deleted?: string | null
}

export interface Action {
  readonly id: number
  readonly command: string
  readonly status: 'running' | 'success' | 'error'
  readonly error: { readonly code: string; readonly message: string } | null
}

/** What keys, firewalls, groups, volumes and networks have in common. */
export interface Named {
  readonly id: number
  readonly name: string
  readonly created: string
  readonly labels?: Labels
}

export interface SshKey extends Named {
  readonly fingerprint: string
}

export interface PlacementGroup extends Named {
  readonly servers: readonly number[]
}

export interface Volume extends Named {
  readonly location: { readonly name: string }
  readonly server: number | null
}

export interface PrimaryIp extends Named {
  readonly ip: string
  readonly type: 'ipv4' | 'ipv6'
  readonly assignee_id: number | null
}

/** `meta.pagination` of any list. */
export interface Paged {
  readonly meta?: { readonly pagination?: { readonly next_page?: number | null } }
}
