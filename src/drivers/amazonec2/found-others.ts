import type { Filter, Tag } from '@aws-sdk/client-ec2'
import type { FoundResource } from '../../contracts/driver.js'
import { allPages } from '../common/api/pages.js'
import { FIREWALL } from '../common/cloud/part.js'
import type { Action, Calls } from './calls.js'
import type { Ec2Api } from './client.js'
import { KEY_PAIR, TEMPLATE, VOLUME } from './kinds.js'
import { MARKER, readTags } from './tags.js'

const OURS: Filter = { Name: 'tag-key', Values: [MARKER] }
const PAGE_SIZE = 500
const MOST_TEMPLATES = 200

/** Everything but instances that bears our marker. Volumes only where nothing uses them: others go with their instance. */
export async function foundOthers(api: Ec2Api, signal: AbortSignal): Promise<readonly FoundResource[]> {
  const found = await Promise.all([
    groups(api, signal),
    keyPairs(api, signal),
    volumes(api, signal),
    templates(api, signal),
  ])
  return found.flat()
}

async function groups(api: Ec2Api, signal: AbortSignal): Promise<readonly FoundResource[]> {
  const items = await pages(api, 'DescribeSecurityGroups', (answer) => answer.SecurityGroups, signal)
  return items.map(({ GroupId: id, GroupName: name = '', Tags }) =>
    resource(api, { kind: FIREWALL, name, id, tags: Tags, shared: true }),
  )
}

async function keyPairs(api: Ec2Api, signal: AbortSignal): Promise<readonly FoundResource[]> {
  const { KeyPairs = [] } = await api.call('DescribeKeyPairs', { Filters: [OURS] }, signal)
  return KeyPairs.map(({ KeyPairId: id, KeyName: name = '', Tags, CreateTime: made }) =>
    resource(api, { kind: KEY_PAIR, name, id, tags: Tags, made, shared: true }),
  )
}

async function volumes(api: Ec2Api, signal: AbortSignal): Promise<readonly FoundResource[]> {
  const unused = { Name: 'status', Values: ['available'] }
  const items = await pages(api, 'DescribeVolumes', (answer) => answer.Volumes, signal, [unused])
  return items.map(({ VolumeId: id = '', Tags, CreateTime: made }) =>
    resource(api, { kind: VOLUME, name: id, id, tags: Tags, made }),
  )
}

async function templates(api: Ec2Api, signal: AbortSignal): Promise<readonly FoundResource[]> {
  const input = { Filters: [OURS], MaxResults: MOST_TEMPLATES }
  const { LaunchTemplates = [] } = await api.call('DescribeLaunchTemplates', input, signal)
  return LaunchTemplates.map(
    ({ LaunchTemplateId: id, LaunchTemplateName: name = '', Tags, CreateTime: made }) =>
      resource(api, { kind: TEMPLATE, name, id, tags: Tags, made }),
  )
}

async function pages<A extends Action & ('DescribeSecurityGroups' | 'DescribeVolumes'), T>(
  api: Ec2Api,
  action: A,
  items: (answer: Calls[A][1]) => readonly T[] | undefined,
  signal: AbortSignal,
  filters: readonly Filter[] = [],
): Promise<readonly T[]> {
  return await allPages(action, async (cursor) => {
    const next = cursor === undefined ? {} : { NextToken: String(cursor) }
    const input = { Filters: [OURS, ...filters], MaxResults: PAGE_SIZE, ...next }
    const answer = await api.call(action, input, signal)
    return { items: items(answer) ?? [], next: (answer as { NextToken?: string }).NextToken }
  })
}

interface Thing {
  readonly kind: string
  readonly name: string
  readonly id: string | undefined
  readonly tags: readonly Tag[] | undefined
  readonly made?: Date | undefined
  readonly shared?: boolean
}

function resource({ region }: Ec2Api, { kind, name, id, tags, made, shared }: Thing): FoundResource {
  return {
    resource: { kind, key: name, region, tags: readTags(tags), state: 'made', ...(id ? { id } : {}) },
    name,
    ...(made ? { createdAt: made.toISOString() } : {}),
    ...(shared ? { shared } : {}),
  }
}
