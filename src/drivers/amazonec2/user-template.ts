/** The launch template of the user: what it gives besides the flags. */
import type {
  RequestLaunchTemplateData,
  RunInstancesCommandInput,
  TagSpecification,
} from '@aws-sdk/client-ec2'
import type { MachineSpec } from '../../contracts/driver.js'
import type { Ec2Account } from './account.js'
import { readConfig } from './config.js'
import { groupsNamed } from './groups.js'

export interface UserTemplate {
  readonly reference: { readonly LaunchTemplateId: string } | { readonly LaunchTemplateName: string }
  /** Its default version without its security groups. */
  readonly data: RequestLaunchTemplateData
  /** Its security groups, wherever it names them. */
  readonly groupIds: readonly string[]
  /** Its groups are the instance's own: EC2 refuses them beside a network interface, which ours are of. */
  readonly isExpanded: boolean
}

export async function userTemplate(
  account: Ec2Account,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<UserTemplate | undefined> {
  const { launchTemplate } = readConfig(spec.config)
  if (launchTemplate === '') return undefined
  const reference = launchTemplate.startsWith('lt-')
    ? { LaunchTemplateId: launchTemplate }
    : { LaunchTemplateName: launchTemplate }
  const input = { ...reference, Versions: ['$Default'] }
  const { LaunchTemplateVersions = [] } = await account.remember(
    `template ${launchTemplate}`,
    signal,
    async (asking) => await account.api.call('DescribeLaunchTemplateVersions', input, asking),
  )
  // What a version is made from and what is told of it differ in read-only members only.
  const told = (LaunchTemplateVersions[0]?.LaunchTemplateData ?? {}) as RequestLaunchTemplateData
  const { SecurityGroupIds: ids = [], SecurityGroups: names = [], NetworkInterfaces = [], ...data } = told
  const named = await groupsNamed(account, spec, names, signal)
  const ofInterface = NetworkInterfaces[0]?.Groups ?? []
  return {
    reference,
    data,
    groupIds: [...ids, ...named.map(({ GroupId = '' }) => GroupId), ...ofInterface],
    isExpanded: ids.length + names.length > 0,
  }
}

type Merged = Pick<RequestLaunchTemplateData, 'BlockDeviceMappings' | 'TagSpecifications'>

/** A template with ours over it, as EC2 lays a request over one: disks by their device and tags by their key. */
export function overTemplate<D extends Merged, T extends Merged>(data: D, ours: T): D & T {
  const devices = ours.BlockDeviceMappings ?? []
  const kept = (data.BlockDeviceMappings ?? []).filter(
    ({ DeviceName }) => !devices.some((device) => device.DeviceName === DeviceName),
  )
  return {
    ...data,
    ...ours,
    BlockDeviceMappings: [...devices, ...kept],
    TagSpecifications: joinedTags(data.TagSpecifications ?? [], ours.TagSpecifications ?? []),
  }
}

function joinedTags(
  theirs: readonly TagSpecification[],
  ours: readonly TagSpecification[],
): TagSpecification[] {
  const types = [...new Set([...ours, ...theirs].map(({ ResourceType }) => ResourceType))]
  return types.map((type) => {
    const of = (all: readonly TagSpecification[]) =>
      all.filter(({ ResourceType }) => ResourceType === type).flatMap(({ Tags = [] }) => Tags)
    const kept = of(theirs).filter(({ Key }) => !of(ours).some((tag) => tag.Key === Key))
    return { ResourceType: type, Tags: [...of(ours), ...kept] }
  })
}

/** What RunInstances takes of a template that cannot be named to it. */
export function asRequest(data: RequestLaunchTemplateData): Partial<RunInstancesCommandInput> {
  const { RamDiskId, ElasticGpuSpecifications: _ended, InstanceRequirements: _typed, ...same } = data
  return {
    ...(same as Partial<RunInstancesCommandInput>),
    ...(RamDiskId === undefined ? {} : { RamdiskId: RamDiskId }),
  }
}
