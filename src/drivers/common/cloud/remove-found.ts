import type { DriverMachine } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import type { CloudAccount } from './account.js'
import { findTried } from './make-once.js'
import type { Part, PartRequest } from './part.js'
import { isSettled, triesOf } from './tries.js'

/** Removes what is there of a resource: by its id where that is known, else as the provider finds it. */
export async function removeFound<A extends CloudAccount>(
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

async function located<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  if (resource.id !== undefined) return resource
  if (isSettled(resource)) return undefined
  const found = await findTried(account, part, requestFor(machine, resource), signal)
  return found && { ...resource, ...found }
}

function requestFor(machine: DriverMachine, resource: Resource): PartRequest {
  const { config, resources, ...identity } = machine
  const spec = { machine: identity, config, resources, sshUser: '', tags: resource.tags ?? {} }
  return { spec, key: resource.key, made: {}, tries: triesOf(resource) }
}
