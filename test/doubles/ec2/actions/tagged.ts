/** Tags as requests give them. */
import type { ResourceType, Tag, TagSpecification } from '@aws-sdk/client-ec2'
import { refuse } from '../errors.js'

const MOST = 50

/** The tags that a request gives to one type of what it makes; types that it does not make are refused. */
export function tagsFor(
  specifications: readonly TagSpecification[] | undefined,
  type: ResourceType,
  made: readonly ResourceType[] = [type],
): Tag[] {
  for (const { ResourceType } of specifications ?? [])
    if (!ResourceType || !made.includes(ResourceType))
      refuse(
        'InvalidParameterValue',
        `'${ResourceType ?? ''}' is not a valid taggable resource type for this operation.`,
      )
  const tags = (specifications ?? [])
    .filter((each) => each.ResourceType === type)
    .flatMap((each) => each.Tags ?? [])
  return tags.reduce<Tag[]>((all, tag) => withTag(all, tag, true), [])
}

/** `once`: a request that gives a key twice is refused. */
export function withTag(all: readonly Tag[], { Key = '', Value = '' }: Tag, once = false): Tag[] {
  if (Key === '') refuse('InvalidParameterValue', 'Tag key cannot be empty.')
  if (Key.startsWith('aws:'))
    refuse('InvalidParameterValue', "Tag keys starting with 'aws:' are reserved for internal use")
  if (Key.length > 128)
    refuse('InvalidParameterValue', 'Tag key exceeds the maximum length of 128 characters')
  if (Value.length > 256)
    refuse('InvalidParameterValue', 'Tag value exceeds the maximum length of 256 characters')
  if (once && all.some((tag) => tag.Key === Key))
    refuse('InvalidParameterValue', `Duplicate tag key '${Key}' specified.`)
  const others = all.filter((tag) => tag.Key !== Key)
  if (others.length >= MOST) refuse('TagLimitExceeded', `The maximum number of tags is ${MOST}.`)
  return [...others, { Key, Value }]
}
