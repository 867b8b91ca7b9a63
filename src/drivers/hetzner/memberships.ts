import type { Clock } from '../../contracts/clock.js'
import type { JsonObject } from '../../contracts/json.js'
import { Batcher } from '../common/api/batcher.js'
import { isApiError, isGone } from '../common/api/errors.js'
import type { Actions } from './actions.js'
import type { HetznerApi } from './api.js'
import type { Action } from './api-types.js'

/** Servers that one call may name. */
const SERVERS_A_CALL = 50
/** Machines that are made together come to this point some seconds apart: the more there are, the longer it pays to wait. */
const JOIN_MS = 100
const LONGEST_JOIN_MS = 10_000

type Verb = 'apply' | 'remove'

const VERBS: Readonly<
  Record<Verb, { readonly path: string; readonly field: string; readonly done: string }>
> = {
  apply: { path: 'apply_to_resources', field: 'apply_to', done: 'firewall_already_applied' },
  remove: { path: 'remove_from_resources', field: 'remove_from', done: 'firewall_already_removed' },
}

export interface MembershipAccount {
  readonly api: HetznerApi
  readonly actions: Actions
  readonly servers: { readonly waiting: number }
  readonly clock: Clock
}

/** Which servers are under which firewall. Calls for one firewall that come close together are joined. */
export class Memberships {
  readonly #batchers = new Map<string, Batcher<string, true>>()

  constructor(private readonly account: MembershipAccount) {}

  /** Returns when the rules hold. */
  async apply(firewallId: string, serverId: string, signal: AbortSignal): Promise<void> {
    await this.#batcher('apply', firewallId).call(serverId, signal)
  }

  /** Returns when the rules hold no more. */
  async remove(firewallId: string, serverId: string, signal: AbortSignal): Promise<void> {
    await this.#batcher('remove', firewallId).call(serverId, signal)
  }

  #batcher(verb: Verb, firewallId: string): Batcher<string, true> {
    const key = `${verb} ${firewallId}`
    const known = this.#batchers.get(key)
    if (known) return known
    const made = new Batcher<string, true>({
      clock: this.account.clock,
      limit: SERVERS_A_CALL,
      spacingMs: () => Math.min(LONGEST_JOIN_MS, JOIN_MS * this.account.servers.waiting),
      run: (ids, signal) => this.#run(verb, firewallId, ids, signal),
      isOfOneKey: (error) => isApiError(error) && error.fate === 'refused',
    })
    this.#batchers.set(key, made)
    return made
  }

  async #run(
    verb: Verb,
    firewallId: string,
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, true>> {
    const actions = await this.#order(verb, firewallId, ids, signal)
    await this.account.actions.done(actions, signal)
    return new Map(ids.map((id) => [id, true]))
  }

  /** An order of which nobody knows what became is given again: it says then that it is so already. */
  async #order(
    verb: Verb,
    firewallId: string,
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly Action[]> {
    const { path, field, done } = VERBS[verb]
    const resources: JsonObject[] = ids.map((id) => ({ type: 'server', server: { id: Number(id) } }))
    const ask = async (): Promise<readonly Action[]> => {
      const url = `/firewalls/${encodeURIComponent(firewallId)}/actions/${path}`
      const what =
        verb === 'apply' ? 'put the server under the firewall' : 'take the server from the firewall'
      return (
        await this.account.api.post<{ actions: readonly Action[] }>(url, { [field]: resources }, what, signal)
      ).actions
    }
    const answered = ask().catch(async (error: unknown) => {
      if (signal.aborted || !isApiError(error) || error.fate !== 'unknown') throw error
      return await ask()
    })
    return await answered.catch((error: unknown) => {
      if (ids.length === 1 && isSettled(error, verb, done)) return []
      throw error
    })
  }
}

/** It is so already; a firewall or server that is gone needs no leaving. */
function isSettled(error: unknown, verb: Verb, done: string): boolean {
  if (!isApiError(error)) return false
  if (error.providerCode === done) return true
  return verb === 'remove' && (isGone(error) || error.providerCode === 'firewall_resource_not_found')
}
