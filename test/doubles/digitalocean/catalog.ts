import type { JsonObject } from '../../../src/contracts/json.js'

/** Regions, sizes and images as the provider has them in 2026, in part. */
export interface Region {
  readonly slug: string
  readonly name: string
  readonly available: boolean
}

export interface Size {
  readonly slug: string
  readonly memory: number
  readonly vcpus: number
  readonly disk: number
  readonly transfer: number
  readonly monthly: number
  readonly description: string
  /** Absent: wherever droplets can be made. */
  readonly only?: readonly string[]
}

export interface Image {
  readonly id: number
  readonly slug: string | null
  readonly name: string
  readonly distribution: string
  readonly type: 'base' | 'snapshot' | 'custom'
  readonly public: boolean
  readonly minDisk: number
  readonly application?: boolean
  readonly only?: readonly string[]
}

export const REGIONS: readonly Region[] = [
  { slug: 'nyc1', name: 'New York 1', available: true },
  { slug: 'nyc2', name: 'New York 2', available: false },
  { slug: 'nyc3', name: 'New York 3', available: true },
  { slug: 'ams3', name: 'Amsterdam 3', available: true },
  { slug: 'sfo2', name: 'San Francisco 2', available: true },
  { slug: 'sfo3', name: 'San Francisco 3', available: true },
  { slug: 'sgp1', name: 'Singapore 1', available: true },
  { slug: 'lon1', name: 'London 1', available: true },
  { slug: 'fra1', name: 'Frankfurt 1', available: true },
  { slug: 'tor1', name: 'Toronto 1', available: true },
  { slug: 'blr1', name: 'Bangalore 1', available: true },
  { slug: 'syd1', name: 'Sydney 1', available: true },
]

const OPEN = REGIONS.filter(({ available }) => available).map(({ slug }) => slug)

type SizeRow = readonly [
  slug: string,
  memory: number,
  vcpus: number,
  disk: number,
  transfer: number,
  monthly: number,
  description: string,
]

const SIZE_ROWS: readonly SizeRow[] = [
  ['s-1vcpu-512mb-10gb', 512, 1, 10, 0.5, 4, 'Basic'],
  ['s-1vcpu-1gb', 1024, 1, 25, 1, 6, 'Basic'],
  ['s-1vcpu-1gb-amd', 1024, 1, 25, 1, 7, 'Basic AMD'],
  ['s-1vcpu-1gb-intel', 1024, 1, 25, 1, 7, 'Basic Intel'],
  ['s-1vcpu-2gb', 2048, 1, 50, 2, 12, 'Basic'],
  ['s-2vcpu-2gb', 2048, 2, 60, 3, 18, 'Basic'],
  ['s-2vcpu-4gb', 4096, 2, 80, 4, 24, 'Basic'],
  ['s-4vcpu-8gb', 8192, 4, 160, 5, 48, 'Basic'],
  ['s-8vcpu-16gb', 16_384, 8, 320, 6, 96, 'Basic'],
  ['c-2', 4096, 2, 25, 4, 42, 'CPU-Optimized'],
  ['c-4', 8192, 4, 50, 5, 84, 'CPU-Optimized'],
  ['g-2vcpu-8gb', 8192, 2, 25, 4, 63, 'General Purpose'],
  ['m-2vcpu-16gb', 16_384, 2, 50, 4, 84, 'Memory-Optimized'],
]

export const SIZES: readonly Size[] = SIZE_ROWS.map(
  ([slug, memory, vcpus, disk, transfer, monthly, description]) => ({
    ...{ slug, memory, vcpus, disk, transfer, monthly, description },
    ...(slug === 's-1vcpu-512mb-10gb' ? { only: ['ams3', 'fra1', 'nyc1', 'nyc3', 'sfo3'] } : {}),
  }),
)

const base = (id: number, slug: string, name: string, distribution: string, minDisk = 7): Image => ({
  ...{ id, slug, name, distribution, minDisk },
  type: 'base',
  public: true,
})

export const IMAGES: readonly Image[] = [
  base(195_932_981, 'ubuntu-24-04-x64', '24.04 (LTS) x64', 'Ubuntu', 10),
  base(212_345_671, 'ubuntu-25-10-x64', '25.10 x64', 'Ubuntu', 10),
  base(191_457_505, 'ubuntu-22-04-x64', '22.04 (LTS) x64', 'Ubuntu'),
  base(204_117_551, 'debian-13-x64', '13 x64', 'Debian'),
  base(195_929_647, 'debian-12-x64', '12 x64', 'Debian'),
  base(198_500_017, 'fedora-42-x64', '42 x64', 'Fedora', 15),
  base(195_930_071, 'rockylinux-9-x64', '9 x64', 'Rocky Linux', 10),
  {
    ...base(194_770_917, 'docker-20-04', 'Docker on Ubuntu 22.04', 'Ubuntu', 25),
    application: true,
  },
  {
    ...{
      id: 180_000_001,
      slug: null,
      name: 'golden',
      distribution: 'Unknown',
      type: 'custom',
      public: false,
    },
    ...{ minDisk: 10, only: ['fra1'] },
  },
]

export function regionsOf(what: { readonly only?: readonly string[] }): readonly string[] {
  return what.only ?? OPEN
}

export function regionJson({ slug, name, available }: Region): JsonObject {
  return {
    ...{ slug, name, available },
    features: ['backups', 'ipv6', 'metadata', 'install_agent', 'storage', 'image_transfer'],
    sizes: SIZES.filter((size) => regionsOf(size).includes(slug)).map((size) => size.slug),
  }
}

export function sizeJson(size: Size): JsonObject {
  const { slug, memory, vcpus, disk, transfer, monthly, description } = size
  return {
    ...{ slug, memory, vcpus, disk, transfer, description },
    price_monthly: monthly,
    price_hourly: Math.round((monthly / 672) * 100_000) / 100_000,
    regions: [...regionsOf(size)].sort(),
    available: true,
    disk_info: [{ type: 'local', size: { amount: disk, unit: 'gib' } }],
  }
}

export function imageJson(image: Image): JsonObject {
  const { id, name, distribution, slug, type } = image
  return {
    ...{ id, name, distribution, slug, type, public: image.public },
    regions: regionsOf(image),
    created_at: '2026-03-04T15:58:11Z',
    min_disk_size: image.minDisk,
    size_gigabytes: 2.36,
    description: `${distribution} ${name}`,
    tags: [],
    status: 'available',
    error_message: '',
  }
}
