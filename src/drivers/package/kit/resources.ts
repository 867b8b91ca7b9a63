import type { DriverEvent, JsonObject } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'

/** What the provider says of a thing that exists. */
export interface MadeThing {
  readonly id: string
  /** What the driver needs to know of it later: `address` of a server. No secrets. */
  readonly attributes?: JsonObject
}

/** How one thing is looked for and made. */
export interface Making {
  /** Finds what an earlier create may have made, by our tags or our name. */
  find(): Promise<MadeThing | undefined>
  make(): Promise<MadeThing>
}

/**
 * Makes one thing so that the record names it at every instant: announced, made, confirmed. What the record has as made
 * is left as it is; what was announced before is looked for first, so a create that died makes no second one.
 * Use it with `yield*`; its result is the resource with its id.
 */
export async function* makeResource(
  recorded: readonly Resource[],
  wanted: Omit<Resource, 'state' | 'id'>,
  making: Making,
): AsyncGenerator<DriverEvent, Resource, void> {
  const known = recorded.find(({ kind, key }) => kind === wanted.kind && key === wanted.key)
  if (known?.state === 'made') return known
  const intended: Resource = { ...wanted, state: 'intended' }
  if (!known) yield { type: 'intent', resource: intended }
  const thing = (known && (await making.find())) ?? (await making.make())
  const made = madeResource(intended, thing)
  yield { type: 'made', resource: made }
  return made
}

/** A resource with what the provider says of it: yield it again as `made` when that has changed. */
export function madeResource(resource: Resource, { id, attributes }: MadeThing): Resource {
  return { ...resource, id, state: 'made', ...(attributes === undefined ? {} : { attributes }) }
}

/** How things of each kind are removed; one that is gone already is no error. */
export type Removing = Readonly<Record<string, (resource: Resource) => Promise<void>>>

/** Removes all that a record lists, the last made first, and ticks off each. */
export async function* removeResources(
  recorded: readonly Resource[],
  removing: Removing,
): AsyncGenerator<DriverEvent, void, void> {
  for (const resource of recorded.toReversed()) {
    await removing[resource.kind]?.(resource)
    yield { type: 'removed', kind: resource.kind, key: resource.key }
  }
}
