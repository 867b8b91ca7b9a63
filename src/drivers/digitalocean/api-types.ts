/** What we read of DigitalOcean's answers (API reference, v2). */

export interface Droplet {
  readonly id: number
  readonly name: string
  readonly status: 'new' | 'active' | 'off' | 'archive'
  readonly tags: readonly string[]
  readonly created_at: string
  readonly region: { readonly slug: string }
  readonly size?: { readonly price_monthly?: number }
  readonly networks: {
    readonly v4?: readonly { readonly ip_address: string; readonly type: 'public' | 'private' }[]
    readonly v6?: readonly { readonly ip_address: string; readonly type: 'public' | 'private' }[]
  }
}

export interface Region {
  readonly slug: string
  readonly name: string
  readonly available: boolean
  readonly features: readonly string[]
}

export interface Size {
  readonly slug: string
  readonly available: boolean
  readonly regions: readonly string[]
  readonly price_monthly: number
  readonly memory: number
  readonly vcpus: number
  readonly disk: number
}

export interface Image {
  readonly id: number
  readonly name: string
  readonly slug: string | null
  readonly status?: string
  readonly regions: readonly string[]
  readonly min_disk_size?: number | null
}

export interface AccountInfo {
  readonly droplet_limit: number
  readonly status: 'active' | 'warning' | 'locked'
  readonly status_message: string
}

export interface SshKey {
  readonly id: number
  readonly name: string
  readonly fingerprint: string
  readonly public_key: string
}

export interface Firewall {
  readonly id: string
  readonly name: string
  readonly created_at?: string
  readonly status?: 'waiting' | 'succeeded' | 'failed'
  readonly pending_changes?: readonly { readonly droplet_id?: number }[]
}

export interface Volume {
  readonly id: string
  readonly name: string
  readonly region: { readonly slug: string }
  readonly droplet_ids: readonly number[] | null
}

export interface Project {
  readonly id: string
  readonly name: string
}

export interface ReservedIp {
  readonly ip: string
  readonly region: { readonly slug: string }
  readonly droplet: { readonly id: number } | null
}

/** `links.pages.next` of any list. */
export interface Paged {
  readonly links?: { readonly pages?: { readonly next?: string } }
}
