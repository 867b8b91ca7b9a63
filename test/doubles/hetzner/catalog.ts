import type { Json, JsonObject } from '../../../src/contracts/json.js'

/** Locations, server types and images as the provider has them in 2026, in part. */
export interface Location {
  readonly id: number
  readonly name: string
  readonly city: string
  readonly country: string
  readonly zone: string
  readonly datacenter: { readonly id: number; readonly name: string }
}

export interface ServerType {
  readonly id: number
  readonly name: string
  readonly cores: number
  readonly memory: number
  readonly disk: number
  readonly monthly: number
  readonly architecture: 'x86' | 'arm'
  readonly cpu: 'shared' | 'dedicated'
  readonly locations: readonly string[]
  /** No servers of it can be made any more. */
  readonly retired?: boolean
}

export interface Image {
  readonly id: number
  readonly name: string | null
  readonly description: string
  readonly type: 'system' | 'app' | 'snapshot'
  readonly flavor: string
  readonly version: string | null
  readonly architecture: 'x86' | 'arm'
  readonly labels: Readonly<Record<string, string>>
  readonly deprecated?: boolean
}

const at = (
  ...[id, name, city, country, zone, dcId, dc]: [number, string, string, string, string, number, string]
): Location => ({ id, name, city, country, zone, datacenter: { id: dcId, name: dc } })

export const LOCATIONS: readonly Location[] = [
  at(1, 'fsn1', 'Falkenstein', 'DE', 'eu-central', 4, 'fsn1-dc14'),
  at(2, 'nbg1', 'Nuremberg', 'DE', 'eu-central', 2, 'nbg1-dc3'),
  at(3, 'hel1', 'Helsinki', 'FI', 'eu-central', 3, 'hel1-dc2'),
  at(4, 'ash', 'Ashburn, VA', 'US', 'us-east', 5, 'ash-dc1'),
  at(5, 'hil', 'Hillsboro, OR', 'US', 'us-west', 6, 'hil-dc1'),
  at(6, 'sin', 'Singapore', 'SG', 'ap-southeast', 7, 'sin-dc1'),
]

const EUROPE = ['fsn1', 'nbg1', 'hel1']
const ABROAD = ['ash', 'hil', 'sin']

type TypeRow = readonly [
  id: number,
  name: string,
  cores: number,
  memory: number,
  disk: number,
  monthly: number,
  locations: readonly string[],
]

const type = (row: TypeRow, more: Partial<ServerType> = {}): ServerType => {
  const [id, name, cores, memory, disk, monthly, locations] = row
  const usual = { architecture: 'x86', cpu: 'shared' } as const
  return { ...{ id, name, cores, memory, disk, monthly, locations }, ...usual, ...more }
}

export const SERVER_TYPES: readonly ServerType[] = [
  type([104, 'cx22', 2, 4, 40, 3.79, EUROPE], { retired: true }),
  type([22, 'cpx11', 2, 2, 40, 4.99, ABROAD]),
  type([23, 'cpx21', 3, 4, 80, 9.49, ABROAD]),
  type([114, 'cx23', 2, 4, 40, 3.49, EUROPE]),
  type([115, 'cx33', 4, 8, 80, 5.49, EUROPE]),
  type([116, 'cx43', 8, 16, 160, 9.49, EUROPE]),
  type([117, 'cx53', 16, 32, 320, 17.49, EUROPE]),
  type([109, 'cpx22', 2, 4, 80, 6.49, EUROPE]),
  type([110, 'cpx32', 4, 8, 160, 10.99, EUROPE]),
  type([45, 'cax11', 2, 4, 40, 3.79, EUROPE], { architecture: 'arm' }),
  type([93, 'cax21', 4, 8, 80, 6.49, EUROPE], { architecture: 'arm' }),
  type([96, 'ccx13', 2, 8, 80, 12.49, [...EUROPE, ...ABROAD]], { cpu: 'dedicated' }),
]

type ImageRow = readonly [
  id: number,
  arm: number | undefined,
  name: string,
  description: string,
  version: string,
]

const IMAGE_ROWS: readonly ImageRow[] = [
  [161_547_269, 161_547_270, 'ubuntu-24.04', 'Ubuntu 24.04', '24.04'],
  [67_794_396, 103_908_130, 'ubuntu-22.04', 'Ubuntu 22.04', '22.04'],
  [310_557_660, 310_557_661, 'debian-13', 'Debian 13', '13'],
  [114_690_387, 114_690_389, 'debian-12', 'Debian 12', '12'],
  [45_557_056, 103_907_373, 'debian-11', 'Debian 11', '11'],
  [232_895_810, 232_895_811, 'fedora-42', 'Fedora 42', '42'],
  [99_742_291, 103_908_071, 'rocky-9', 'Rocky Linux 9', '9'],
]

export const IMAGES: readonly Image[] = [
  ...IMAGE_ROWS.flatMap(([id, arm, name, description, version]) => {
    const [flavor = ''] = name.split('-')
    const old = { labels: {}, ...(name === 'debian-11' ? { deprecated: true } : {}) }
    const system: Omit<Image, 'id' | 'architecture'> = {
      name,
      description,
      type: 'system',
      flavor,
      version,
      ...old,
    }
    const x86: Image = { ...system, id, architecture: 'x86' }
    return arm === undefined ? [x86] : [x86, { ...system, id: arm, architecture: 'arm' } satisfies Image]
  }),
  ...[
    {
      ...{
        id: 40_093_247,
        name: 'docker-ce',
        description: 'Docker CE',
        type: 'app' as const,
        flavor: 'ubuntu',
      },
      ...{ version: '24.04', architecture: 'x86' as const, labels: {} },
    },
    {
      ...{ id: 290_000_001, name: null, description: 'golden', type: 'snapshot' as const, flavor: 'debian' },
      ...{ version: '12', architecture: 'x86' as const, labels: { role: 'golden' } },
    },
  ],
]

export function locationJson({ id, name, city, country, zone }: Location): JsonObject {
  return {
    ...{ id, name, city, country, network_zone: zone, latitude: 50.47612, longitude: 12.370071 },
    description: `${city} DC Park`,
  }
}

export function datacenterJson(location: Location): JsonObject {
  const here = (retired: boolean): number[] =>
    SERVER_TYPES.filter((one) => one.locations.includes(location.name) && (retired || !one.retired)).map(
      ({ id }) => id,
    )
  return {
    ...location.datacenter,
    ...{ description: location.city, location: locationJson(location) },
    server_types: { supported: here(true), available: here(false), available_for_migration: here(false) },
  }
}

const money = (net: number, digits: number): JsonObject => ({
  net: net.toFixed(digits),
  gross: (net * 1.19).toFixed(digits),
})

export function pricesOf({ monthly, locations }: ServerType): Json {
  return locations.map((location) => ({
    ...{ location, price_hourly: money(monthly / 624, 10), price_monthly: money(monthly, 10) },
    ...{ included_traffic: 21_990_232_555_520, price_per_tb_traffic: money(1, 10) },
  }))
}

const GONE = { announced: '2025-10-16T00:00:00Z', unavailable_after: '2026-01-01T00:00:00Z' }

export function serverTypeJson(one: ServerType): JsonObject {
  const { id, name, cores, memory, disk, architecture, cpu, retired = false } = one
  const deprecation = retired ? GONE : null
  return {
    ...{ id, name, cores, memory, disk, architecture, description: name.toUpperCase() },
    ...{ deprecated: retired, deprecation, storage_type: 'local', cpu_type: cpu, prices: pricesOf(one) },
    category: cpu === 'shared' ? 'Shared vCPU' : 'Dedicated vCPU',
    locations: LOCATIONS.filter((location) => one.locations.includes(location.name)).map((location) => ({
      ...{ id: location.id, name: location.name, deprecation, recommended: false, available: !retired },
    })),
  }
}

export function imageJson(image: Image): JsonObject {
  const { id, name, description, flavor, version, architecture, labels } = image
  return {
    ...{ id, name, description, type: image.type, status: 'available', architecture, labels },
    ...{ image_size: image.type === 'snapshot' ? 2.3 : null, disk_size: 5, created: '2026-01-15T11:34:45Z' },
    ...{ created_from: null, bound_to: null, os_flavor: flavor, os_version: version, rapid_deploy: true },
    ...{
      protection: { delete: false },
      deprecated: image.deprecated ? '2026-06-30T00:00:00Z' : null,
      deleted: null,
    },
  }
}

export function pricingJson(): JsonObject {
  const each = (net: number): Json =>
    LOCATIONS.map(({ name }) => ({
      ...{ location: name, price_hourly: money(net / 730, 4), price_monthly: money(net, 4) },
    }))
  const perGb = { price_per_gb_month: money(0.044, 4) }
  return {
    ...{ currency: 'EUR', vat_rate: '19.000000', image: perGb, volume: perGb },
    ...{ server_backup: { percentage: '20.0000' }, floating_ip: { price_monthly: money(3, 4) } },
    ...{ traffic: { price_per_tb: money(1, 4) }, load_balancer_types: [] },
    primary_ips: [
      { type: 'ipv4', prices: each(0.5) },
      { type: 'ipv6', prices: each(0) },
    ],
    floating_ips: [{ type: 'ipv4', prices: each(3) }],
    server_types: SERVER_TYPES.map((one) => ({ id: one.id, name: one.name, prices: pricesOf(one) })),
  }
}
