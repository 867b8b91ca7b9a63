/** Looking at servers and waiting for them. */
import { MachineError } from '../../../contracts/errors.js'
import type { Resource } from '../../../contracts/record.js'
import type { MachineState } from '../../../contracts/state.js'
import { type Pending, pending, waitFor } from '../../../util/wait.js'
import type { CloudAccount, CloudServer } from './account.js'
import { STORE_TAG } from './tags.js'

const SERVER_MS = 300_000

/** The server of a resource as it is now. Records by docker-machine have no tags to list by. */
export async function currentServer(
  account: CloudAccount,
  resource: Resource,
  signal: AbortSignal,
): Promise<CloudServer | undefined> {
  if (resource.id === undefined) return undefined
  if (!isTagged(resource)) return await account.server(resource.id, signal)
  return (await account.listServers(signal)).find(({ id }) => id === resource.id)
}

export function isTagged(resource: Resource): boolean {
  return resource.tags?.[STORE_TAG] !== undefined
}

/** What is waited for: a value when it has come, `Pending` with what is seen instead. */
export type Seen<T> = (server: CloudServer) => T | Pending

/**
 * Waits until a server is as `seen` wants it: tagged ones share one list call a poll with everybody else.
 * @throws MachineError `driver` with the provider's words and the console's end when it will never be; `timeout`
 */
export async function untilServer<T>(
  account: CloudAccount,
  resource: Resource,
  what: string,
  seen: Seen<T>,
  signal: AbortSignal,
): Promise<T> {
  const judge = (server: CloudServer | undefined): T | Pending | CloudServer => {
    if (!server) return pending(`server ${resource.id} is not listed`)
    return server.state === 'Error' ? server : seen(server)
  }
  const outcome = isTagged(resource)
    ? await account.servers.until(what, (list) => judge(list.find(({ id }) => id === resource.id)), {
        deadlineMs: SERVER_MS,
        signal,
      })
    : await waitFor(what, async (inner) => judge(await currentServer(account, resource, inner)), {
        deadlineMs: SERVER_MS,
        intervalMs: 1_000,
        maxIntervalMs: 5_000,
        signal,
        clock: account.clock,
      })
  if (isDead(outcome)) throw await deadServer(account, outcome, what, signal)
  return outcome
}

function isDead(outcome: unknown): outcome is CloudServer {
  return (outcome as Partial<CloudServer> | undefined)?.state === 'Error'
}

async function deadServer(
  account: CloudAccount,
  server: CloudServer,
  what: string,
  signal: AbortSignal,
): Promise<MachineError> {
  const text = `Server ${server.id} failed: ${server.error ?? 'the provider does not say why'} (waited for ${what})`
  const evidence = await account.console?.(server.id, signal).catch(() => undefined)
  return new MachineError('driver', text, evidence === undefined ? {} : { evidence })
}

/** A server that has reached a state. */
export function inState(...states: readonly MachineState[]): Seen<CloudServer> {
  return (server) => (states.includes(server.state) ? server : pending(`state ${server.state}`))
}
