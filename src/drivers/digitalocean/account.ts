import type { AccountDesk, RateLimit } from '../../contracts/account.js'
import type { Clock } from '../../contracts/clock.js'
import type { DriverAccount, DriverDeps, FoundResource, JsonObject } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import type { Resource } from '../../contracts/record.js'
import type { MachineState } from '../../contracts/state.js'
import { mapBounded } from '../../util/bounded.js'
import { pending, waitFor } from '../../util/wait.js'
import { Batcher } from '../common/api/batcher.js'
import { type ApiAnswer, ApiClient } from '../common/api/client.js'
import { isApiError, isGone } from '../common/api/errors.js'
import { FOR_GOOD, Memory } from '../common/api/memory.js'
import { allPages, pageOfUrl } from '../common/api/pages.js'
import { accountKey as keyOf, placeKey } from '../common/api/per-account.js'
import { Poll } from '../common/api/poll.js'
import { allBudgets } from '../common/api/rate-budget.js'
import type { Addresses, CloudAccount, CloudServer, PowerAction } from '../common/cloud/account.js'
import { stateIn } from '../common/cloud/states.js'
import { ID_TAG, NAME_TAG } from '../common/cloud/tags.js'
import { ConfigReader } from '../common/config-reader.js'
import type { Droplet, Firewall, Paged, SshKey } from './api-types.js'
import { readConfig } from './config.js'
import { foundOthers } from './found-others.js'
import { firewallsOf, ownTags, readTags, tagWords } from './tags.js'

/** Published limits of the API: 5,000 calls an hour, of them 250 in any minute. */
export const LIMITS: readonly RateLimit[] = [
  { name: 'hour', calls: 5_000, perMs: 3_600_000, window: true },
  { name: 'minute', calls: 250, perMs: 60_000, window: true },
]

/** The largest that lists take. */
export const PAGE_SIZE = 200
const TAGS_AT_ONCE = 4
const SETTLE_MS = 60_000
/** Droplets that one tag call may name. */
const RESOURCES_A_CALL = 100
/** Firewalls are changed by tag: for each machine that this process is still making, a call waits so long for it to join. */
const JOIN_MS = 250
const LONGEST_JOIN_MS = 5_000

/** One token at one endpoint. */
export class DigitalOceanAccount implements CloudAccount {
  readonly servers: Poll<CloudServer>
  readonly #taggers = new Map<string, Batcher<string, true>>()
  /** Droplets that this process has made and not yet put under their own firewall. */
  readonly #young = new Set<string>()
  /** Tags of droplets as they were last seen, by id. */
  readonly #tags = new Map<string, readonly string[]>()
  readonly #memory: Memory

  constructor(
    readonly api: ApiClient,
    readonly desk: AccountDesk,
    readonly clock: Clock,
  ) {
    this.#memory = new Memory(clock)
    this.servers = new Poll({ list: (signal) => this.listServers(signal), clock, pageSize: PAGE_SIZE })
  }

  async listServers(signal: AbortSignal): Promise<readonly CloudServer[]> {
    const droplets = await this.list<Droplet>(
      'droplets',
      { path: '/droplets', what: 'list the droplets' },
      signal,
    )
    for (const { id, tags } of droplets) this.#tags.set(String(id), tags)
    return droplets.map(cloudServer).filter(({ tags }) => tags[ID_TAG] !== undefined)
  }

  async server(id: string, signal: AbortSignal): Promise<CloudServer | undefined> {
    const droplet = await this.droplet(id, signal)
    return droplet && cloudServer(droplet)
  }

  async droplet(id: string, signal: AbortSignal): Promise<Droplet | undefined> {
    const path = `/droplets/${encodeURIComponent(id)}`
    const call = { method: 'GET', path, what: 'look at the droplet', expects: 'droplet' } as const
    return (await this.ifThere(this.api.call<{ droplet: Droplet }>(call, signal)))?.droplet
  }

  async power(id: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    const path = `/droplets/${encodeURIComponent(id)}/actions`
    const body = { type: POWER[action] }
    await this.api.call({ method: 'POST', path, body, what: `${POWER[action]} the droplet` }, signal)
  }

  async label(id: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const had = this.#tags.get(id) ?? (await this.droplet(id, signal))?.tags ?? []
    const wanted = tagWords({ ...readTags(had), ...tags })
    for (const tag of wanted.filter((each) => !had.includes(each))) {
      await this.makeTag(tag, signal)
      await this.tag(tag, id, signal)
    }
    const replaced = ownTags(had).filter((tag) => !wanted.includes(tag))
    await this.deleteTags(replaced, signal)
    this.#tags.set(id, [...had.filter((tag) => !ownTags([tag]).length), ...wanted])
  }

  /** A droplet was made, and will be put under another firewall soon. */
  born(id: string): void {
    this.#young.add(id)
  }

  gone(id: string): void {
    this.#young.delete(id)
  }

  /** Puts a droplet under a firewall and returns when that holds. */
  async protect(id: string, firewall: Resource, signal: AbortSignal): Promise<void> {
    await this.#tagger('POST', firewall.key, firewall.id).call(id, signal)
  }

  /** Puts a tag on a droplet; calls for many droplets at once are joined. */
  async tag(tag: string, id: string, signal: AbortSignal): Promise<void> {
    await this.#tagger('POST', tag).call(id, signal)
  }

  async untag(tag: string, id: string, signal: AbortSignal): Promise<void> {
    this.#young.delete(id)
    await this.#tagger('DELETE', tag).call(id, signal)
  }

  async makeTag(tag: string, signal: AbortSignal): Promise<void> {
    const body = { name: tag }
    const call = { method: 'POST', path: '/tags', body, what: 'make the tag', repeatable: true } as const
    await this.api.call(call, signal)
  }

  async deleteTags(tags: readonly string[], signal: AbortSignal): Promise<void> {
    await mapBounded(tags, TAGS_AT_ONCE, async (tag) => {
      const path = `/tags/${encodeURIComponent(tag)}`
      await this.ifThere(this.api.call({ method: 'DELETE', path, what: 'delete the tag' }, signal))
    })
  }

  async listOthers(account: DriverAccount, signal: AbortSignal): Promise<readonly FoundResource[]> {
    const [keys, firewalls] = await Promise.all([
      this.list<SshKey>('ssh_keys', { path: '/account/keys', what: 'list the SSH keys' }, signal),
      this.list<Firewall>('firewalls', { path: '/firewalls', what: 'list the firewalls' }, signal),
    ])
    return foundOthers(account, { keys, firewalls })
  }

  /** All items of a list. */
  async list<T>(
    field: string,
    { path, what, query }: { path: string; what: string; query?: Record<string, string> },
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    return await allPages(field, async (page) => {
      const paging = { ...query, per_page: PAGE_SIZE, ...(page === undefined ? {} : { page }) }
      const answer = await this.api.call<Paged & Record<string, readonly T[] | undefined>>(
        { method: 'GET', path, query: paging, what, expects: field },
        signal,
      )
      return { items: answer[field] ?? [], next: pageOfUrl(answer.links?.pages?.next) }
    })
  }

  /** The answer, or undefined when the provider does not have it. */
  async ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  /** What does not change while a process runs is asked for once (sizes, regions). */
  async remember<T>(key: string, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return await this.#memory.once(key, FOR_GOOD, signal, ask)
  }

  #tagger(method: 'POST' | 'DELETE', tag: string, firewallId?: string): Batcher<string, true> {
    const key = `${method} ${tag} ${firewallId ?? ''}`
    const known = this.#taggers.get(key)
    if (known) return known
    const made = new Batcher<string, true>({
      clock: this.clock,
      limit: RESOURCES_A_CALL,
      spacingMs: () => Math.min(LONGEST_JOIN_MS, JOIN_MS * this.#young.size),
      run: async (ids, signal) => {
        await this.#tagAll(method, tag, ids, signal)
        if (firewallId !== undefined) await this.#settled(firewallId, ids, signal)
        return new Map(ids.map((id) => [id, true]))
      },
      isOfOneKey: (error) => isApiError(error) && (error.status === 404 || error.status === 422),
    })
    this.#taggers.set(key, made)
    return made
  }

  async #tagAll(
    method: 'POST' | 'DELETE',
    tag: string,
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const path = `/tags/${encodeURIComponent(tag)}/resources`
    const resources = ids.map((id) => ({ resource_id: id, resource_type: 'droplet' }))
    const call = { method, path, body: { resources }, what: 'tag the droplet', repeatable: true } as const
    try {
      await this.api.answer(call, signal)
    } catch (error) {
      if (!isGone(error)) throw error
      // The tag is gone, or of many droplets one is: then each is asked for by itself.
      if (method === 'POST') {
        await this.makeTag(tag, signal)
        await this.api.answer(call, signal)
      } else if (ids.length > 1) throw error
    }
  }

  /** A firewall holds for a droplet some time after the droplet has its tag. */
  async #settled(firewallId: string, ids: readonly string[], signal: AbortSignal): Promise<void> {
    await waitFor(
      `firewall ${firewallId} to hold`,
      async (inner) => {
        const call = {
          method: 'GET',
          path: `/firewalls/${encodeURIComponent(firewallId)}`,
          what: 'look at the firewall',
          expects: 'firewall',
        } as const
        const { firewall } = await this.api.call<{ firewall: Firewall }>(call, inner)
        if (firewall.status === 'failed')
          throw new MachineError('driver', `DigitalOcean could not apply the firewall ${firewall.name}`)
        const open = firewall.pending_changes?.filter(({ droplet_id: id }) => ids.includes(String(id))) ?? []
        return open.length === 0 && firewall.status !== 'waiting'
          ? true
          : pending(`status ${firewall.status}`)
      },
      { deadlineMs: SETTLE_MS, intervalMs: 1_000, signal, clock: this.clock },
    )
  }
}

const POWER: Readonly<Record<PowerAction, string>> = {
  on: 'power_on',
  shutdown: 'shutdown',
  off: 'power_off',
}

const STATES: Readonly<Record<Droplet['status'], MachineState>> = {
  new: 'Starting',
  active: 'Running',
  off: 'Stopped',
  archive: 'Error',
}

function cloudServer(droplet: Droplet): CloudServer {
  const tags = readTags(droplet.tags)
  const price = droplet.size?.price_monthly
  return {
    id: String(droplet.id),
    name: droplet.name,
    state: stateIn(STATES, droplet.status),
    tags: tags[ID_TAG] === undefined ? {} : { [NAME_TAG]: droplet.name, ...tags },
    addresses: addressesOf(droplet),
    firewalls: firewallsOf(droplet.tags),
    region: droplet.region.slug,
    createdAt: droplet.created_at,
    ...(price === undefined ? {} : { monthlyPrice: { amount: price, currency: 'USD' } }),
    ...(droplet.status === 'archive' ? { error: 'the droplet is archived' } : {}),
  }
}

function addressesOf({ networks }: Droplet): Addresses {
  const public4 = networks.v4?.find(({ type }) => type === 'public')?.ip_address
  const own = networks.v4?.find(({ type }) => type === 'private')?.ip_address
  const public6 = networks.v6?.find(({ type }) => type === 'public')?.ip_address
  return {
    ...(public4 === undefined ? {} : { public4 }),
    ...(public6 === undefined ? {} : { public6 }),
    ...(own === undefined ? {} : { private: own }),
  }
}

/** Provider, endpoint and token, without telling the token. */
export function accountKey(config: JsonObject): string {
  return keyOf('digitalocean', readConfig(config).apiUrl, new ConfigReader(config).string('accessToken'))
}

export function openAccount(config: JsonObject, deps: DriverDeps): Promise<DigitalOceanAccount> {
  const token = new ConfigReader(config).string('accessToken')
  const desk = deps.account(placeKey('digitalocean', readConfig(config).apiUrl))
  const counts = deps.account(accountKey(config))
  const api = new ApiClient({
    provider: 'DigitalOcean',
    baseUrl: `${readConfig(config).apiUrl}/v2`,
    headers: () => ({ authorization: `Bearer ${token}` }),
    secrets: [token],
    errorOf,
    // A droplet that boots or stops takes no order meanwhile, not even that it be destroyed.
    isPassing: (answer) => /pending event/.test(errorOf(answer).message),
    hintsOf,
    retryAfterMs: resetAfterMs,
    requestIdHeader: 'x-request-id',
    budget: allBudgets(LIMITS.map((limit) => counts.budget(limit))),
    clock: deps.clock,
    ...(deps.debug ? { log: deps.debug } : {}),
  })
  return Promise.resolve(new DigitalOceanAccount(api, desk, deps.clock))
}

/** Errors look like `{"id": "not_found", "message": "...", "request_id": "..."}`. */
function errorOf({ body, status }: ApiAnswer): { code?: string; message: string } {
  const { id, message } = (body ?? {}) as { id?: unknown; message?: unknown }
  return {
    message: typeof message === 'string' ? message : `status ${status}`,
    ...(typeof id === 'string' ? { code: id } : {}),
  }
}

/** What helps, by what DigitalOcean says. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /exceed your droplet limit/i,
    'Remove droplets (tsmachine gc finds forgotten ones), or ask DigitalOcean for a higher limit.',
  ],
  [
    /not available in|unavailable|capacity/i,
    'Choose another region or size: --digitalocean-region, --digitalocean-size.',
  ],
  [/user_data|user data/i, 'DigitalOcean takes 64 KiB of user data: make --digitalocean-userdata smaller.'],
]

function hintsOf(answer: ApiAnswer): readonly string[] {
  const { message } = errorOf(answer)
  return HINTS.flatMap(([pattern, hint]) => (pattern.test(message) ? [hint] : []))
}

/** `ratelimit-reset` is the time (seconds since 1970) at which the oldest counted call is forgotten. */
function resetAfterMs({ headers, status }: ApiAnswer, now: Date): number | undefined {
  if (status !== 429) return undefined
  const reset = Number(headers['ratelimit-reset'])
  return Number.isFinite(reset) && reset > 0 ? Math.max(0, reset * 1000 - now.getTime()) : undefined
}
