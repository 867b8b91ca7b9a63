import type { Tag, TagSpecification } from '@aws-sdk/client-ec2'
import type { JsonObject, MachineSpec } from '../../contracts/driver.js'
import { ID_TAG, NAME_TAG, STORE_TAG } from '../common/cloud/tags.js'
import { readConfig } from './config.js'

/** On everything that any store of ours has made. */
export const MARKER = 'tsmachine'
const OWN_TAGS = [MARKER, STORE_TAG, ID_TAG, NAME_TAG]
const MOST_TAGS = 40

type Tags = Readonly<Record<string, string>>

/** docker-machine's flat list of keys and values. */
export function tagPairs(text: string): { readonly tags: Tags } | { readonly fault: string } {
  const words = text === '' ? [] : text.split(',')
  if (words.length % 2 !== 0) return { fault: `${words.length} words are no pairs of key,value` }
  const pairs = words.flatMap((key, at) => (at % 2 === 0 ? [[key, words[at + 1] ?? ''] as const] : []))
  const bad = pairs.find(
    ([key]) => key === '' || key.length > 128 || /^aws:/i.test(key) || OWN_TAGS.includes(key),
  )
  if (bad) return { fault: `${JSON.stringify(bad[0])} cannot be the key of a tag` }
  if (pairs.length > MOST_TAGS) return { fault: `${pairs.length} tags are more than ${MOST_TAGS}` }
  return { tags: Object.fromEntries(pairs) }
}

/** Tags of what one machine has: ours, its name as people see it, and the user's own. */
export function machineTags(spec: MachineSpec): Tags {
  return { Name: spec.machine.name, ...userTags(spec.config), [MARKER]: '1', ...spec.tags }
}

/** Tags of what machines of a store share: no machine is named. */
export function sharedTags(spec: MachineSpec): Tags {
  return { ...userTags(spec.config), [MARKER]: '1', [STORE_TAG]: spec.machine.storeId }
}

function userTags(config: JsonObject): Tags {
  const read = tagPairs(readConfig(config).tags)
  return 'tags' in read ? read.tags : {}
}

export function tagList(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
}

type Tagged = NonNullable<TagSpecification['ResourceType']>

/** The same tags for several kinds of things that one call makes. */
export function tagSpecifications(tags: Tags, ...kinds: readonly Tagged[]): TagSpecification[] {
  return kinds.map((ResourceType) => ({ ResourceType, Tags: tagList(tags) }))
}

export function readTags(tags: readonly Tag[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]))
}
