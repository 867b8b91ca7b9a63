import type { DriverEvent, DriverMachine } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import type { CloudAccount } from './account.js'
import type { Part, PartRequest } from './part.js'
import { isOf, STORE_TAG } from './tags.js'

/** Removes everything that a record names, last made first, and a server that only its tags tell of. */
export async function* removeParts<A extends CloudAccount>(
  account: A,
  parts: readonly Part<A>[],
  machine: DriverMachine,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  for (const part of parts.toReversed()) {
    const resources = machine.resources.filter((resource) => resource.kind === part.kind)
    for (const resource of resources.toReversed()) {
      await removeOne(account, part, machine, resource, signal)
      yield { type: 'removed', kind: resource.kind, key: resource.key }
    }
  }
}

async function removeOne<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<void> {
  if (part.shared) return await releaseShared(account, part, machine, resource, signal)
  await removeFound(account, part, machine, resource, signal)
}

async function removeFound<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<void> {
  const there = await located(account, part, machine, resource, signal)
  if (there) await part.remove(account, there, machine, signal)
  else await part.cleanUp?.(account, resource, signal)
}

/** With the id where it is known, else as the provider finds it. */
async function located<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  if (resource.id !== undefined) return resource
  const found = await part.find(account, requestFor(machine, resource), signal)
  return found && { ...resource, ...found }
}

function requestFor(machine: DriverMachine, resource: Resource): PartRequest {
  const { config, resources, ...identity } = machine
  const spec = { machine: identity, config, resources, sshUser: '', tags: resource.tags ?? {} }
  return { spec, key: resource.key, made: {} }
}

/**
 * Gives up this machine's share of something. It goes when no other record of the store names it and, for what no record
 * names, no other server of the store exists.
 */
export async function releaseShared<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<void> {
  await account.desk.exclusive(
    `remove ${part.text}`,
    async () => {
      if (account.desk.referredBy(resource, machine.id).length > 0) return
      if (await isUsed(account, part, machine, resource, signal)) return
      await removeFound(account, part, machine, resource, signal)
    },
    signal,
  )
}

/** Whether another server of the store needs it, also one that only its tags tell of. */
async function isUsed<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<boolean> {
  const servers = await account.listServers(signal)
  return servers
    .filter(({ tags }) => tags[STORE_TAG] === machine.storeId && !isOf(tags, machine))
    .some((server) => part.isUsedBy?.(server, resource) ?? true)
}
