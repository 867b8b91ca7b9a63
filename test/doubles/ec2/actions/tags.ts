import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeTagsRequest,
  DescribeTagsResult,
  ResourceType,
  Tag,
} from '@aws-sdk/client-ec2'
import { refuse } from '../errors.js'
import { filtered, page } from '../filters.js'
import type { Action, Region } from '../state.js'
import { withTag } from './tagged.js'

type Tagged = { Tags?: Tag[] | undefined }

interface Kind {
  readonly type: ResourceType
  readonly missing: string
  readonly label: string
  readonly all: (region: Region) => ReadonlyMap<string, Tagged>
}

/** By the prefix of its id. */
const KINDS: Readonly<Record<string, Kind>> = {
  i: {
    type: 'instance',
    missing: 'InvalidInstanceID.NotFound',
    label: 'instance',
    all: ({ machines }) => new Map([...machines].map(([id, { instance }]) => [id, instance])),
  },
  sg: kind('security-group', 'InvalidGroup.NotFound', 'security group', ({ groups }) => groups),
  key: kind('key-pair', 'InvalidKeyPair.NotFound', 'key pair', ({ keys }) => keys),
  vol: kind('volume', 'InvalidVolume.NotFound', 'volume', ({ volumes }) => volumes),
  vpc: kind('vpc', 'InvalidVpcID.NotFound', 'vpc', ({ vpcs }) => vpcs),
  subnet: kind('subnet', 'InvalidSubnetID.NotFound', 'subnet', ({ subnets }) => subnets),
  eipalloc: kind('elastic-ip', 'InvalidAllocationID.NotFound', 'allocation', ({ addresses }) => addresses),
  sir: kind(
    'spot-instances-request',
    'InvalidSpotInstanceRequestID.NotFound',
    'spot instance request',
    ({ spotRequests }) => spotRequests,
  ),
  lt: {
    type: 'launch-template',
    missing: 'InvalidLaunchTemplateId.NotFound',
    label: 'launch template',
    all: ({ templates }) => new Map([...templates].map(([id, { about }]) => [id, about])),
  },
}

function kind(type: ResourceType, missing: string, label: string, all: Kind['all']): Kind {
  return { type, missing, label, all }
}

function find(region: Region, id: string): Tagged {
  const of = KINDS[id.split('-')[0] ?? '']
  if (!of) return refuse('InvalidID', `The ID '${id}' is not valid`)
  return of.all(region).get(id) ?? refuse(of.missing, `The ${of.label} ID '${id}' does not exist`)
}

export const createTags: Action<CreateTagsRequest, object> = ({ input, region }) => {
  const resources = (input.Resources ?? []).map((id) => find(region, id))
  for (const resource of resources)
    resource.Tags = (input.Tags ?? []).reduce<Tag[]>((all, tag) => withTag(all, tag), resource.Tags ?? [])
  return {}
}

export const deleteTags: Action<DeleteTagsRequest, object> = ({ input, region }) => {
  for (const resource of (input.Resources ?? []).map((id) => find(region, id)))
    resource.Tags = (resource.Tags ?? []).filter(
      (tag) =>
        input.Tags &&
        !input.Tags.some(({ Key, Value }) => Key === tag.Key && (Value ?? tag.Value) === tag.Value),
    )
  return {}
}

export const describeTags: Action<DescribeTagsRequest, DescribeTagsResult> = ({ input, region }) => {
  const all = Object.values(KINDS).flatMap(({ type, all }) =>
    [...all(region)].flatMap(([id, { Tags }]) =>
      (Tags ?? []).map((tag) => ({ ResourceId: id, ResourceType: type, Key: tag.Key, Value: tag.Value })),
    ),
  )
  const found = filtered(all, input.Filters, {
    'resource-id': (tag) => tag.ResourceId,
    'resource-type': (tag) => tag.ResourceType,
    key: (tag) => tag.Key,
    value: (tag) => tag.Value,
  })
  const { items, NextToken } = page(found, input)
  return { Tags: items, NextToken }
}
