/** What EC2 offers here: regions, zones, instance types, images. Data in its form, cut to what tests need. */

export const ACCOUNT = '123456789012'
export const DEBIAN = '136693071363'
export const CANONICAL = '099720109477'
/** Publishes images under the names of others, with later dates. */
export const IMPOSTOR = '666666666666'

export interface RegionFacts {
  readonly name: string
  readonly zones: readonly string[]
  /** AWS knows nobody in a region that the account has not opted in to. */
  readonly optedIn: boolean
}

function region(name: string, letters: string, optedIn = true): RegionFacts {
  return { name, zones: [...letters].map((letter) => `${name}${letter}`), optedIn }
}

export const REGIONS: readonly RegionFacts[] = [
  region('us-east-1', 'abcdef'),
  region('us-east-2', 'abc'),
  region('us-west-2', 'abcd'),
  region('eu-central-1', 'abc'),
  region('eu-west-1', 'abc'),
  region('ap-southeast-2', 'abc'),
  region('ap-east-1', 'abc', false),
]

export type Arch = 'x86_64' | 'arm64'

export interface TypeFacts {
  readonly name: string
  readonly arch: Arch
  readonly vcpus: number
  readonly mib: number
  readonly current: boolean
  /** USD an hour. */
  readonly spot: number
  /** Letters of the zones that lack it. */
  readonly notIn: string
}

function type(name: string, arch: Arch, size: [number, number], spot: number, notIn = 'e'): TypeFacts {
  return { name, arch, vcpus: size[0], mib: size[1], spot, notIn, current: !name.startsWith('t2.') }
}

export const TYPES: readonly TypeFacts[] = [
  type('t2.micro', 'x86_64', [1, 1024], 0.0035, ''),
  type('t2.small', 'x86_64', [1, 2048], 0.0069, ''),
  type('t3.micro', 'x86_64', [2, 1024], 0.0031),
  type('t3.small', 'x86_64', [2, 2048], 0.0062),
  type('t3.medium', 'x86_64', [2, 4096], 0.0125),
  type('t3a.small', 'x86_64', [2, 2048], 0.0056),
  type('m5.large', 'x86_64', [2, 8192], 0.035),
  type('m7i.large', 'x86_64', [2, 8192], 0.036, 'ef'),
  type('c7i.large', 'x86_64', [2, 4096], 0.032, 'ef'),
  type('t4g.micro', 'arm64', [2, 1024], 0.0025),
  type('t4g.small', 'arm64', [2, 2048], 0.005),
  type('m7g.medium', 'arm64', [1, 4096], 0.015, 'ef'),
]

export interface ImageFacts {
  readonly id: string
  readonly name: string
  readonly owner: string
  readonly arch: Arch
  readonly made: string
  readonly deprecated: string
  readonly device: string
  readonly gib: number
  readonly description: string
}

const FUTURE = '2099-01-01T00:00:00.000Z'

interface Line {
  readonly owner: string
  readonly device: string
  /** Debian says arm64 and amd64 where EC2 says arm64 and x86_64; both publishers do. */
  name(arch: string, day: string): string
  description(arch: string, day: string): string
}

function debian(version: string): Line {
  return {
    owner: DEBIAN,
    device: '/dev/xvda',
    name: (arch, day) => `debian-${version}-${arch}-${day}-1890`,
    description: (arch, day) => `Debian ${version} (${day}-1890) ${arch}`,
  }
}

function ubuntu(label: string, folder: string): Line {
  return {
    owner: CANONICAL,
    device: '/dev/sda1',
    name: (arch, day) => `ubuntu/images/${folder}/ubuntu-${label}-${arch}-server-${day}`,
    description: (arch, day) => `Canonical, Ubuntu, ${label}, ${arch} image build on ${day}`,
  }
}

const LINES: readonly (readonly [Line, readonly string[]])[] = [
  [debian('11'), ['20240717', '20260501']],
  [debian('12'), ['20240429', '20260210', '20260914']],
  [debian('13'), ['20250814', '20260707', '20261012']],
  [ubuntu('jammy-22.04', 'hvm-ssd'), ['20240801', '20260903']],
  [ubuntu('noble-24.04', 'hvm-ssd-gp3'), ['20240701', '20260403', '20261022']],
  [{ ...debian('13'), owner: IMPOSTOR }, ['20261101']],
  [{ ...ubuntu('noble-24.04', 'hvm-ssd-gp3'), owner: IMPOSTOR }, ['20261101']],
]

const ARCHES: readonly (readonly [string, Arch])[] = [
  ['amd64', 'x86_64'],
  ['arm64', 'arm64'],
]

/** Newer ones do not come last: EC2 promises no order. The oldest of each line is deprecated. */
export function imagesOf(regionName: string): ImageFacts[] {
  const salt = REGIONS.findIndex(({ name }) => name === regionName)
  const made = LINES.flatMap(([line, days], at) =>
    days.flatMap((day, age) =>
      ARCHES.map(([label, arch], which) => ({
        id: imageId(salt, at, age * 2 + which),
        name: line.name(label, day),
        description: line.description(label, day),
        owner: line.owner,
        arch,
        made: `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T10:00:00.000Z`,
        deprecated: age === 0 && days.length > 1 ? '2025-01-01T00:00:00.000Z' : FUTURE,
        device: line.device,
        gib: 8,
      })),
    ),
  )
  return made.reverse()
}

function imageId(salt: number, line: number, index: number): string {
  const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0')
  return `ami-0${hex(salt, 4)}${hex(line, 4)}${hex(index, 8)}`
}
