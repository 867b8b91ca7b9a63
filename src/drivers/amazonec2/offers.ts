import type { Image } from '@aws-sdk/client-ec2'
import { MachineError } from '../../contracts/errors.js'
import { nearest } from '../../util/nearest.js'
import { allPages } from '../common/api/pages.js'
import type { Ec2Account } from './account.js'
import type { InstanceConfig } from './config.js'
import { isRefusedWith } from './errors.js'
import { type Architecture, readImageName } from './image-names.js'

/** What EC2 says of an instance type. */
export interface TypeOffer {
  readonly name: string
  readonly architecture: Architecture
  readonly hasSpot: boolean
  /** Zones of the region that have it. */
  readonly zones: readonly string[]
}

const PAGE_SIZE = 1_000

/** The types of a config that the region has, in the user's order. */
export async function typeOffers(
  account: Ec2Account,
  { instanceTypes }: Pick<InstanceConfig, 'instanceTypes'>,
  signal: AbortSignal,
): Promise<readonly TypeOffer[]> {
  return await account.remember(`types ${instanceTypes.join()}`, signal, async (asking) => {
    const zones = await zonesByType(account, instanceTypes, asking)
    const offered = instanceTypes.filter((name) => zones.has(name))
    if (offered.length === 0) return []
    const input = { InstanceTypes: offered as never[] }
    const { InstanceTypes = [] } = await account.api.call('DescribeInstanceTypes', input, asking)
    return offered.flatMap((name) => {
      const info = InstanceTypes.find(({ InstanceType }) => InstanceType === name)
      const architectures: readonly string[] = info?.ProcessorInfo?.SupportedArchitectures ?? ['x86_64']
      const hasSpot = info?.SupportedUsageClasses?.includes('spot') ?? true
      const architecture = architectures.includes('arm64') ? 'arm64' : 'x86_64'
      return [{ name, architecture, hasSpot, zones: zones.get(name) ?? [] }] as const
    })
  })
}

async function zonesByType(
  account: Ec2Account,
  types: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const offers = await offerings(account, 'availability-zone', types, signal)
  const zones = new Map<string, string[]>()
  for (const { type, location } of offers) zones.set(type, [...(zones.get(type) ?? []), location].sort())
  return zones
}

/** Names of all types of the region, for what may be meant. */
export async function nearestType(
  account: Ec2Account,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const all = await offerings(account, 'region', [], signal)
  return nearest(
    name,
    all.map(({ type }) => type),
  )
}

async function offerings(
  account: Ec2Account,
  by: 'region' | 'availability-zone',
  types: readonly string[],
  signal: AbortSignal,
): Promise<readonly { readonly type: string; readonly location: string }[]> {
  const filters = types.length === 0 ? {} : { Filters: [{ Name: 'instance-type', Values: [...types] }] }
  const found = await allPages('the instance types', async (cursor) => {
    const next = cursor === undefined ? {} : { NextToken: String(cursor) }
    const input = { LocationType: by, ...filters, MaxResults: PAGE_SIZE, ...next }
    const answer = await account.api.call('DescribeInstanceTypeOfferings', input, signal)
    return { items: answer.InstanceTypeOfferings ?? [], next: answer.NextToken }
  })
  return found.map(({ InstanceType = '', Location = '' }) => ({ type: InstanceType, location: Location }))
}

/** An image to boot. */
export interface ChosenImage {
  readonly id: string
  readonly name: string
  readonly device: string
  readonly gib: number
  /** Why this one. */
  readonly why: string
}

/** The image of a config for an architecture; undefined where EC2 has none. */
export async function chosenImage(
  account: Ec2Account,
  config: InstanceConfig,
  architecture: Architecture,
  signal: AbortSignal,
): Promise<ChosenImage | undefined> {
  const { ami, imageName, imageOwner } = config
  const key = `image ${ami} ${imageName} ${imageOwner} ${architecture}`
  return await account.remember(key, signal, async (asking) => {
    if (ami !== '') return await imageById(account, ami, asking)
    const wanted = readImageName(imageName, imageOwner)
    if ('fault' in wanted) throw new MachineError('usage', wanted.fault)
    const pattern = wanted.pattern(architecture)
    const { Images = [] } = await account.api.call(
      'DescribeImages',
      {
        Owners: [wanted.owner],
        Filters: [
          { Name: 'name', Values: [pattern] },
          { Name: 'architecture', Values: [architecture] },
          { Name: 'state', Values: ['available'] },
          { Name: 'root-device-type', Values: ['ebs'] },
          { Name: 'virtualization-type', Values: ['hvm'] },
        ],
      },
      asking,
    )
    const [newest] = Images.toSorted((one, other) => made(other).localeCompare(made(one)))
    return newest && described(newest, `the newest of ${wanted.owner} called ${pattern}`)
  })
}

async function imageById(
  account: Ec2Account,
  id: string,
  signal: AbortSignal,
): Promise<ChosenImage | undefined> {
  try {
    const { Images = [] } = await account.api.call('DescribeImages', { ImageIds: [id] }, signal)
    return Images[0] && described(Images[0], 'as --amazonec2-ami says')
  } catch (error) {
    if (isRefusedWith(error, 'InvalidAMIID.*')) return undefined
    throw error
  }
}

function described(image: Image, why: string): ChosenImage {
  const device = image.RootDeviceName ?? '/dev/xvda'
  const root = image.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === device)
  return { id: image.ImageId ?? '', name: image.Name ?? '', device, gib: root?.Ebs?.VolumeSize ?? 0, why }
}

function made({ CreationDate = '' }: Image): string {
  return CreationDate
}
