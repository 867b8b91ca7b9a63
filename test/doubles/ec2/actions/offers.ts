/** What an account can see before it has made anything. */
import type {
  DescribeAccountAttributesRequest,
  DescribeAccountAttributesResult,
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeImagesRequest,
  DescribeImagesResult,
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  DescribeRegionsRequest,
  DescribeRegionsResult,
  DescribeSpotPriceHistoryRequest,
  DescribeSpotPriceHistoryResult,
  DescribeSubnetsRequest,
  DescribeSubnetsResult,
  DescribeVpcsRequest,
  DescribeVpcsResult,
  Image,
  InstanceTypeInfo,
} from '@aws-sdk/client-ec2'
import { ACCOUNT, CANONICAL, DEBIAN, type ImageFacts, REGIONS, TYPES, type TypeFacts } from '../catalogue.js'
import { refuse } from '../errors.js'
import { byId, filtered, page } from '../filters.js'
import type { Action } from '../state.js'
import { zonesWith } from './find.js'

type Type = NonNullable<InstanceTypeInfo['InstanceType']>

export const describeRegions: Action<DescribeRegionsRequest, DescribeRegionsResult> = ({ input }) => {
  const names = input.RegionNames ?? []
  const unknown = names.filter((name) => !REGIONS.some((each) => each.name === name))
  if (unknown.length > 0) refuse('InvalidParameterValue', `Invalid region: '[${unknown.join(', ')}]'`)
  const shown = REGIONS.filter(({ name, optedIn }) =>
    names.length > 0 ? names.includes(name) : optedIn || input.AllRegions === true,
  ).map(({ name, optedIn }) => ({
    RegionName: name,
    Endpoint: `ec2.${name}.amazonaws.com`,
    OptInStatus: optedIn ? 'opt-in-not-required' : 'not-opted-in',
  }))
  const found = filtered(shown, input.Filters, {
    'region-name': (each) => each.RegionName,
    'opt-in-status': (each) => each.OptInStatus,
    endpoint: (each) => each.Endpoint,
  })
  return { Regions: found }
}

export const describeAvailabilityZones: Action<
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult
> = ({ input, region }) => {
  const zones = region.facts.zones
  const wrong = (input.ZoneNames ?? []).filter((name) => !zones.includes(name))
  if (wrong.length > 0) refuse('InvalidParameterValue', `Invalid availability zone: [${wrong.join(', ')}]`)
  const shown = zones
    .filter((name) => input.ZoneNames?.includes(name) ?? true)
    .map((name) => ({
      ZoneName: name,
      ZoneId: `${region.name.replaceAll(/[a-z]+-(\d)/g, '$1')}-az${zones.indexOf(name) + 1}`,
      RegionName: region.name,
      GroupName: region.name,
      NetworkBorderGroup: region.name,
      ZoneType: 'availability-zone',
      State: 'available' as const,
      OptInStatus: 'opt-in-not-required' as const,
      Messages: [],
    }))
  const found = filtered(shown, input.Filters, {
    'zone-name': (zone) => zone.ZoneName,
    'zone-type': (zone) => zone.ZoneType,
    'region-name': (zone) => zone.RegionName,
    state: (zone) => zone.State,
    'opt-in-status': (zone) => zone.OptInStatus,
  })
  return { AvailabilityZones: found }
}

export const describeAccountAttributes: Action<
  DescribeAccountAttributesRequest,
  DescribeAccountAttributesResult
> = ({ input, region, account }) => {
  const defaultVpc = [...region.vpcs.values()].find(({ IsDefault }) => IsDefault)?.VpcId ?? 'none'
  const all: Record<string, string[]> = {
    'supported-platforms': ['VPC'],
    'default-vpc': [defaultVpc],
    'max-instances': [String(account.limits.instances)],
  }
  const names = input.AttributeNames ?? Object.keys(all)
  const shown = names.map((name) => ({
    AttributeName: name,
    AttributeValues: (all[name] ?? []).map((AttributeValue) => ({ AttributeValue })),
  }))
  return { AccountAttributes: shown }
}

export const describeVpcs: Action<DescribeVpcsRequest, DescribeVpcsResult> = ({ input, region }) => {
  const named = byId(region.vpcs, input.VpcIds, (ids) =>
    refuse('InvalidVpcID.NotFound', `The vpc ID '${ids.join(', ')}' does not exist`),
  )
  const found = filtered(named, input.Filters, {
    'vpc-id': (vpc) => vpc.VpcId,
    'is-default': (vpc) => vpc.IsDefault,
    isDefault: (vpc) => vpc.IsDefault,
    state: (vpc) => vpc.State,
    cidr: (vpc) => vpc.CidrBlock,
  })
  const { items, NextToken } = page(found, input)
  return { Vpcs: items, NextToken }
}

export const describeSubnets: Action<DescribeSubnetsRequest, DescribeSubnetsResult> = ({ input, region }) => {
  const named = byId(region.subnets, input.SubnetIds, (ids) =>
    refuse('InvalidSubnetID.NotFound', `The subnet ID '${ids.join(', ')}' does not exist`),
  )
  const found = filtered(named, input.Filters, {
    'subnet-id': (subnet) => subnet.SubnetId,
    'vpc-id': (subnet) => subnet.VpcId,
    'availability-zone': (subnet) => subnet.AvailabilityZone,
    availabilityZone: (subnet) => subnet.AvailabilityZone,
    'default-for-az': (subnet) => subnet.DefaultForAz,
    defaultForAz: (subnet) => subnet.DefaultForAz,
    'map-public-ip-on-launch': (subnet) => subnet.MapPublicIpOnLaunch,
    state: (subnet) => subnet.State,
    'cidr-block': (subnet) => subnet.CidrBlock,
  })
  const { items, NextToken } = page(found, input)
  return { Subnets: items, NextToken }
}

const ALIASES: Readonly<Record<string, string>> = { [DEBIAN]: '', [CANONICAL]: '' }

export const describeImages: Action<DescribeImagesRequest, DescribeImagesResult> = (call) => {
  const { input, region, account } = call
  for (const id of input.ImageIds ?? [])
    if (!/^ami-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id)) refuse('InvalidAMIID.Malformed', `Invalid id: "${id}"`)
  const named = byId(region.images, input.ImageIds, (ids) =>
    refuse('InvalidAMIID.NotFound', `The image id '[${ids.join(', ')}]' does not exist`),
  )
  const now = account.clock.now().toISOString()
  const seen = named.filter(
    (image) =>
      (!input.Owners || input.Owners.includes(image.owner)) &&
      // A deprecated image of another account is shown only to those who ask for it.
      (input.IncludeDeprecated === true || input.ImageIds !== undefined || image.deprecated > now),
  )
  const found = filtered(seen.map(shown), input.Filters, {
    name: (image) => image.Name,
    'image-id': (image) => image.ImageId,
    'owner-id': (image) => image.OwnerId,
    'owner-alias': (image) => ALIASES[image.OwnerId ?? ''],
    architecture: (image) => image.Architecture,
    state: (image) => image.State,
    'root-device-type': (image) => image.RootDeviceType,
    'root-device-name': (image) => image.RootDeviceName,
    'virtualization-type': (image) => image.VirtualizationType,
    'image-type': (image) => image.ImageType,
    'is-public': (image) => image.Public,
    description: (image) => image.Description,
    'ena-support': (image) => image.EnaSupport,
    'creation-date': (image) => image.CreationDate,
  })
  const { items, NextToken } = page(found, input)
  return { Images: items, NextToken }
}

function shown(image: ImageFacts): Image {
  return {
    ImageId: image.id,
    Name: image.name,
    Description: image.description,
    OwnerId: image.owner,
    ImageLocation: `${image.owner}/${image.name}`,
    CreationDate: image.made,
    DeprecationTime: image.deprecated,
    Architecture: image.arch,
    ImageType: 'machine',
    Public: image.owner !== ACCOUNT,
    State: 'available',
    PlatformDetails: 'Linux/UNIX',
    VirtualizationType: 'hvm',
    Hypervisor: 'xen',
    EnaSupport: true,
    RootDeviceType: 'ebs',
    RootDeviceName: image.device,
    BlockDeviceMappings: [
      {
        DeviceName: image.device,
        Ebs: {
          DeleteOnTermination: true,
          Encrypted: false,
          SnapshotId: image.id.replace('ami-', 'snap-'),
          VolumeSize: image.gib,
          VolumeType: 'gp3',
        },
      },
    ],
    Tags: [],
  }
}

export const describeInstanceTypes: Action<DescribeInstanceTypesRequest, DescribeInstanceTypesResult> = ({
  input,
}) => {
  const names = (input.InstanceTypes ?? []) as string[]
  const unknown = names.filter((name) => !TYPES.some((type) => type.name === name))
  if (unknown.length > 0)
    refuse(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
    )
  const wanted = TYPES.filter(({ name }) => names.length === 0 || names.includes(name)).map(typeInfo)
  const found = filtered(wanted, input.Filters, {
    'instance-type': (type) => type.InstanceType,
    'current-generation': (type) => type.CurrentGeneration,
    'processor-info.supported-architecture': (type) => type.ProcessorInfo?.SupportedArchitectures,
    'supported-usage-class': (type) => type.SupportedUsageClasses,
    'vcpu-info.default-vcpus': (type) => type.VCpuInfo?.DefaultVCpus,
    'bare-metal': (type) => type.BareMetal,
  })
  const { items, NextToken } = page(found, input, { least: 5, most: 100 })
  return { InstanceTypes: items, NextToken }
}

function typeInfo(type: TypeFacts): InstanceTypeInfo {
  return {
    InstanceType: type.name as Type,
    CurrentGeneration: type.current,
    FreeTierEligible: type.name.endsWith('micro'),
    SupportedUsageClasses: ['on-demand', 'spot'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    BareMetal: false,
    Hypervisor: type.current ? 'nitro' : 'xen',
    ProcessorInfo: { SupportedArchitectures: [type.arch], SustainedClockSpeedInGhz: 2.5 },
    VCpuInfo: { DefaultVCpus: type.vcpus, DefaultCores: 1, DefaultThreadsPerCore: type.vcpus },
    MemoryInfo: { SizeInMiB: BigInt(type.mib) as unknown as number },
    InstanceStorageSupported: false,
    EbsInfo: {
      EbsOptimizedSupport: type.current ? 'default' : 'unsupported',
      EncryptionSupport: 'supported',
    },
    BurstablePerformanceSupported: type.name.startsWith('t'),
    HibernationSupported: false,
    SupportedBootModes: type.arch === 'arm64' ? ['uefi'] : ['legacy-bios', 'uefi'],
  }
}

export const describeInstanceTypeOfferings: Action<
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult
> = ({ input, region }) => {
  const by = input.LocationType ?? 'region'
  const all = TYPES.flatMap((type) =>
    (by === 'availability-zone' ? zonesWith(region, type) : [region.name]).map((Location) => ({
      InstanceType: type.name as Type,
      LocationType: by,
      Location,
    })),
  )
  const found = filtered(all, input.Filters, {
    'instance-type': (offer) => offer.InstanceType,
    location: (offer) => offer.Location,
  })
  const { items, NextToken } = page(found, input)
  return { InstanceTypeOfferings: items, NextToken }
}

export const describeSpotPriceHistory: Action<
  DescribeSpotPriceHistoryRequest,
  DescribeSpotPriceHistoryResult
> = ({ input, region, account }) => {
  const types = (input.InstanceTypes ?? []) as string[]
  const all = TYPES.filter(({ name }) => types.length === 0 || types.includes(name)).flatMap((type) =>
    zonesWith(region, type).map((zone, at) => ({
      AvailabilityZone: zone,
      InstanceType: type.name as Type,
      ProductDescription: 'Linux/UNIX' as const,
      SpotPrice: (type.spot * (1 + at / 10)).toFixed(6),
      Timestamp: account.clock.now(),
    })),
  )
  const products: readonly string[] = input.ProductDescriptions ?? []
  const found = all.filter(
    (price) =>
      (!input.AvailabilityZone || price.AvailabilityZone === input.AvailabilityZone) &&
      (products.length === 0 || products.some((each) => each.startsWith(price.ProductDescription))),
  )
  const named = filtered(found, input.Filters, {
    'instance-type': (price) => price.InstanceType,
    'availability-zone': (price) => price.AvailabilityZone,
    'product-description': (price) => price.ProductDescription,
    'spot-price': (price) => price.SpotPrice,
  })
  const { items, NextToken } = page(named, input, { least: 1, most: 1000 })
  return { SpotPriceHistory: items, NextToken: NextToken ?? '' }
}
