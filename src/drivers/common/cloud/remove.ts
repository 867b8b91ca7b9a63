import type { DriverEvent, DriverMachine } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import type { CloudAccount } from './account.js'
import type { Part } from './part.js'
import { removeFound } from './remove-found.js'
import { releaseShared } from './shared.js'

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
      const isGone = await removeOne(account, part, machine, resource, signal)
      const { kind, key } = resource
      yield { type: 'removed', kind, key, ...(isGone ? {} : { stays: true }) }
    }
  }
}

async function removeOne<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<boolean> {
  if (part.shared) return await releaseShared(account, part, machine, resource, signal)
  await removeFound(account, part, machine, resource, signal)
  return true
}
