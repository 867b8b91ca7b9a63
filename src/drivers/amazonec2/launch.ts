import type { RequestLaunchTemplateData, RunInstancesCommandInput } from '@aws-sdk/client-ec2'
import type { MachineSpec } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import type { MadeParts } from '../common/cloud/part.js'
import { FIREWALL } from '../common/cloud/part.js'
import type { Ec2Account } from './account.js'
import { type InstanceConfig, readConfig } from './config.js'
import { groupsNamed } from './groups.js'
import { keyNameOf } from './keys.js'
import { NAMED_GROUP } from './kinds.js'
import type { Network, Place } from './network.js'
import { networkOf } from './network.js'
import { chosenImage, type ChosenImage, type TypeOffer, typeOffers } from './offers.js'
import { machineTags, tagSpecifications } from './tags.js'
import { asRequest, overTemplate, type UserTemplate, userTemplate } from './user-template.js'

export type Market = 'spot' | 'on-demand'

/** One way to get an instance. */
export interface Attempt {
  readonly type: TypeOffer
  readonly place: Place
  readonly market: Market
}

/** All that every attempt to make one machine's instance needs. */
export interface LaunchPlan {
  readonly spec: MachineSpec
  readonly config: InstanceConfig
  readonly network: Network
  readonly types: readonly TypeOffer[]
  readonly images: Readonly<Record<string, ChosenImage>>
  readonly template: UserTemplate | undefined
  /** Security groups. */
  readonly groupIds: readonly string[]
}

export const USER_DATA_LIMIT = 16_384

/** @throws MachineError where a type or image does not exist (preflight says so before) */
export async function launchPlan(
  account: Ec2Account,
  spec: MachineSpec,
  made: MadeParts,
  signal: AbortSignal,
): Promise<LaunchPlan> {
  const config = readConfig(spec.config)
  checkUserData(spec)
  const [network, types] = await Promise.all([
    networkOf(account, config, signal),
    typeOffers(account, config, signal),
  ])
  if (types.length === 0)
    throw new MachineError(
      'driver',
      `${account.api.region} has no instance type ${config.instanceTypes.join(', ')}`,
    )
  const images: Record<string, ChosenImage> = {}
  for (const { architecture } of types)
    images[architecture] ??= await imageFor(account, config, architecture, signal)
  const template = await userTemplate(account, spec, signal)
  const groups = await securityGroups(account, spec, made, signal)
  const groupIds = [...new Set([...(template?.groupIds ?? []), ...groups])]
  return { spec, config, network, types, images, template, groupIds }
}

async function imageFor(
  account: Ec2Account,
  config: InstanceConfig,
  architecture: TypeOffer['architecture'],
  signal: AbortSignal,
): Promise<ChosenImage> {
  const image = await chosenImage(account, config, architecture, signal)
  if (image) return image
  const name = config.ami || `${config.imageName} for ${architecture}`
  throw new MachineError('driver', `there is no image ${name} in ${account.api.region}`)
}

function checkUserData({ seed }: MachineSpec): void {
  const bytes = Buffer.byteLength(seed?.userData ?? '')
  if (bytes <= USER_DATA_LIMIT) return
  throw new MachineError('preflight', `the user data has ${bytes} bytes, EC2 takes ${USER_DATA_LIMIT}`, {
    hints: ['Make the file of --amazonec2-userdata smaller: let it fetch what is big.'],
  })
}

async function securityGroups(
  account: Ec2Account,
  spec: MachineSpec,
  made: MadeParts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { securityGroups: names, securityGroupReadonly } = readConfig(spec.config)
  const asTheyAre = securityGroupReadonly ? await groupsNamed(account, spec, names, signal) : []
  const own = [...(made[NAMED_GROUP] ?? []), ...(made[FIREWALL] ?? [])]
  return [...asTheyAre.map(({ GroupId = '' }) => GroupId), ...own.map(({ id = '' }) => id)]
}

/** In order: Spot of each type in each zone, then on-demand of each; only where the zone has the type. */
export function attemptsOf({ config, network, types }: LaunchPlan): readonly Attempt[] {
  const markets: readonly Market[] = config.spot ? ['spot', 'on-demand'] : ['on-demand']
  return markets.flatMap((market) =>
    types
      .filter(({ hasSpot }) => market === 'on-demand' || hasSpot)
      .flatMap((type) =>
        network.places
          .filter(({ zone }) => type.zones.includes(zone))
          .map((place) => ({ type, place, market })),
      ),
  )
}

/** RunInstances for one attempt, all of it in one call: nothing is ever untagged, unencrypted or open for a moment. */
export function runInput(plan: LaunchPlan, attempt: Attempt, token: string): RunInstancesCommandInput {
  const { config, template } = plan
  const ours = {
    ...instanceFields(plan, attempt.type),
    MinCount: 1,
    MaxCount: 1,
    ClientToken: token,
    NetworkInterfaces: [{ ...networkInterface(plan), SubnetId: attempt.place.subnetId }],
    ...(attempt.market === 'spot' ? { InstanceMarketOptions: spotOptions(config) } : {}),
    TagSpecifications: tagSpecifications(
      machineTags(plan.spec),
      'instance',
      'volume',
      'network-interface',
      ...(attempt.market === 'spot' ? (['spot-instances-request'] as const) : []),
    ),
  }
  if (!template) return ours
  return template.isExpanded
    ? overTemplate(asRequest(template.data), ours)
    : { ...ours, LaunchTemplate: template.reference }
}

/** The same as the data of a launch template; place, type and market are the fleet's choice. */
export function templateData(plan: LaunchPlan, type: TypeOffer): RequestLaunchTemplateData {
  return {
    ...instanceFields(plan, type),
    NetworkInterfaces: [networkInterface(plan)],
    TagSpecifications: tagSpecifications(machineTags(plan.spec), 'instance', 'volume', 'network-interface'),
  }
}

type SharedFields = Pick<
  RunInstancesCommandInput & RequestLaunchTemplateData,
  | 'ImageId'
  | 'InstanceType'
  | 'KeyName'
  | 'UserData'
  | 'Monitoring'
  | 'EbsOptimized'
  | 'IamInstanceProfile'
  | 'MetadataOptions'
  | 'BlockDeviceMappings'
>

function instanceFields({ spec, config, images }: LaunchPlan, type: TypeOffer): SharedFields {
  const keyName = keyNameOf(spec)
  const profile = config.iamInstanceProfile
  const image = images[type.architecture]
  return {
    ...(image ? { ImageId: image.id, BlockDeviceMappings: [rootVolume(config, image)] } : {}),
    InstanceType: type.name as NonNullable<SharedFields['InstanceType']>,
    ...(keyName === '' ? {} : { KeyName: keyName }),
    ...(spec.seed ? { UserData: Buffer.from(spec.seed.userData).toString('base64') } : {}),
    Monitoring: { Enabled: config.monitoring },
    ...(config.ebsOptimized ? { EbsOptimized: true } : {}),
    ...(profile === ''
      ? {}
      : { IamInstanceProfile: profile.startsWith('arn:') ? { Arn: profile } : { Name: profile } }),
    MetadataOptions: {
      HttpEndpoint: 'enabled',
      HttpTokens: config.metadataTokens as 'required' | 'optional',
      HttpPutResponseHopLimit: config.metadataHopLimit,
    },
  }
}

function rootVolume(
  config: InstanceConfig,
  image: ChosenImage,
): NonNullable<SharedFields['BlockDeviceMappings']>[number] {
  return {
    DeviceName: config.deviceName || image.device,
    Ebs: {
      VolumeSize: config.rootSize,
      VolumeType: config.volumeType as 'gp3',
      DeleteOnTermination: true,
      ...(config.volumeEncrypted ? { Encrypted: true } : {}),
      ...(config.volumeKmsKey === '' ? {} : { KmsKeyId: config.volumeKmsKey }),
    },
  }
}

function networkInterface({ config, groupIds }: LaunchPlan): {
  DeviceIndex: number
  AssociatePublicIpAddress: boolean
  DeleteOnTermination: boolean
  Groups?: string[]
  Ipv6AddressCount?: number
} {
  return {
    DeviceIndex: 0,
    AssociatePublicIpAddress: !config.privateAddressOnly && !config.ipv6Only,
    DeleteOnTermination: true,
    ...(groupIds.length === 0 ? {} : { Groups: [...groupIds] }),
    ...(config.ipv6 ? { Ipv6AddressCount: 1 } : {}),
  }
}

function spotOptions({
  spotPrice,
}: InstanceConfig): NonNullable<RunInstancesCommandInput['InstanceMarketOptions']> {
  return {
    MarketType: 'spot',
    SpotOptions: {
      SpotInstanceType: 'one-time',
      InstanceInterruptionBehavior: 'terminate',
      ...(spotPrice === '' ? {} : { MaxPrice: spotPrice }),
    },
  }
}
