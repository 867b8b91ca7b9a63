import type { DriverMachine } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import { Joint } from '../api/joint.js'
import type { CloudAccount } from './account.js'
import { makeOnce } from './make-once.js'
import type { Found, Part, PartRequest } from './part.js'
import { removeFound } from './remove-found.js'
import { isOf, isSameStore, STORE_TAG } from './tags.js'

/** One shared thing as this process knows it, and the machines being made here whose records name it. */
interface Held {
  readonly found: Joint<Found>
  readonly holders: Set<string>
}

const heldAt = new WeakMap<CloudAccount, Map<string, Held>>()

function heldOf(account: CloudAccount): Map<string, Held> {
  const held = heldAt.get(account) ?? new Map<string, Held>()
  heldAt.set(account, held)
  return held
}

function nameOf({ kind, key }: { readonly kind: string; readonly key: string }): string {
  return `${kind} ${key}`
}

/**
 * A shared thing, looked for and made by one process of the store at a time, and in a process by one machine for all that
 * wait: it goes on until the last of them is stopped. As long as a machine of this process has it in its record nobody
 * removes it, so that further machines need no call.
 */
export async function takeShared<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  signal.throwIfAborted()
  const held = heldOf(account)
  const name = nameOf({ kind: part.kind, key: request.key })
  const known = held.get(name)
  const mine = known && !known.found.isAbandoned ? known : newHeld(account, part, request)
  held.set(name, mine)
  mine.holders.add(request.spec.machine.id)
  try {
    return await mine.found.wait(signal)
  } catch (error) {
    // Others may still wait for it: only this machine has been stopped then.
    const isOver = !signal.aborted || mine.found.isAbandoned
    if (isOver && held.get(name) === mine) held.delete(name)
    throw error
  }
}

function newHeld<A extends CloudAccount>(account: A, part: Part<A>, request: PartRequest): Held {
  const found = new Joint((signal) => findOrMake(account, part, request, signal))
  return { found, holders: new Set<string>() }
}

async function findOrMake<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  return await account.desk.exclusive(
    { kind: part.kind, key: request.key, what: `make ${part.text}` },
    async () =>
      (await part.find(account, request, signal)) ?? (await makeOnce(account, part, request, signal)),
    signal,
  )
}

/**
 * Gives up this machine's share of something. It goes when no other record of the store names it and, for what no record
 * names, no server needs it. Returns whether it is gone.
 */
export async function releaseShared<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<boolean> {
  const held = heldOf(account)
  const known = held.get(nameOf(resource))
  known?.holders.delete(machine.id)
  if (known && known.holders.size > 0) return false
  held.delete(nameOf(resource))
  if (account.desk.referredBy(resource, machine.id).length > 0) return false
  // Whoever else wants it shall not wait for that.
  await part.untilFree?.(account, resource, signal)
  return await account.desk.exclusive(
    { kind: part.kind, key: resource.key, what: `remove ${part.text}` },
    async () => {
      // Meanwhile another machine may have taken it.
      if (held.has(nameOf(resource))) return false
      if (account.desk.referredBy(resource, machine.id).length > 0) return false
      if (await isUsed(account, part, machine, resource, signal)) return false
      await removeFound(account, part, machine, resource, signal)
      return true
    },
    signal,
  )
}

/** Whether another server needs it, also one that only its tags tell of, and be it of another store: it may be adopted. */
async function isUsed<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  machine: DriverMachine,
  resource: Resource,
  signal: AbortSignal,
): Promise<boolean> {
  const servers = await account.listServers(signal)
  return servers
    .filter(({ tags }) => !isOf(tags, machine))
    .some(
      (server) => part.isUsedBy?.(server, resource) ?? isSameStore(server.tags[STORE_TAG], machine.storeId),
    )
}
