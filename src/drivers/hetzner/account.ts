import { createHash } from 'node:crypto'
import type { AccountDesk, RateLimit } from '../../contracts/account.js'
import type { Clock } from '../../contracts/clock.js'
import type { DriverAccount, DriverDeps, FoundResource, JsonObject } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { placeKey } from '../common/api/per-account.js'
import { Poll } from '../common/api/poll.js'
import type { CloudAccount, CloudServer, PowerAction } from '../common/cloud/account.js'
import { FIREWALL } from '../common/cloud/part.js'
import { ConfigReader } from '../common/config-reader.js'
import { Actions } from './actions.js'
import { HetznerApi, PAGE_SIZE } from './api.js'
import type { Action, Named, Server } from './api-types.js'
import { Births } from './births.js'
import { Catalog } from './catalog.js'
import { readConfig } from './config.js'
import { GROUP, SSH_KEY } from './kinds.js'
import { type Labels, labelsOf, OURS, tagsOf } from './labels.js'
import { Memory } from '../common/api/memory.js'
import { Memberships } from './memberships.js'
import { cloudServer } from './servers.js'

/** Published limit of a project. */
export const LIMIT: RateLimit = { name: 'hour', calls: 3_600, perMs: 3_600_000 }

/** How long nobody else is thought to have written labels on a server whose labels this process has just seen. */
const LABELS_MS = 60_000

/** So many names are asked for one by one; then all are asked for, and remembered for this long. */
const FEW_NAMES = 3
const NAMES_MS = 60_000

const POWER: Readonly<Record<PowerAction, string>> = { on: 'poweron', shutdown: 'shutdown', off: 'poweroff' }

/** One token, which is one project, at one endpoint. */
export class HetznerAccount implements CloudAccount {
  readonly servers: Poll<CloudServer>
  readonly actions: Actions
  readonly births: Births
  readonly catalog: Catalog
  readonly memberships: Memberships
  readonly memory: Memory
  #namesAsked = 0

  constructor(
    readonly api: HetznerApi,
    readonly desk: AccountDesk,
    readonly clock: Clock,
    firstPollMs: number,
  ) {
    this.servers = new Poll({
      list: (signal) => this.listServers(signal),
      clock,
      firstMs: firstPollMs,
      pageSize: PAGE_SIZE,
    })
    this.actions = new Actions(api, clock)
    this.births = new Births(this.actions, clock)
    this.memory = new Memory(clock)
    this.catalog = new Catalog(api, this.memory)
    this.memberships = new Memberships(this)
  }

  async listServers(signal: AbortSignal): Promise<readonly CloudServer[]> {
    const asked = this.clock.monotonicMs()
    const servers = await this.api.list<Server>('servers', { label_selector: OURS }, signal)
    for (const server of servers) this.labelled(server, asked)
    return await this.births.judge(servers.map(cloudServer), signal)
  }

  /** Servers of this name, whoever's. Who asks for many names is answered from one list. */
  async serversNamed(name: string, signal: AbortSignal): Promise<readonly Server[]> {
    if (++this.#namesAsked <= FEW_NAMES) return await this.api.list<Server>('servers', { name }, signal)
    const all = await this.memory.once('all servers', NAMES_MS, signal, async (asking) => {
      return await this.api.list<Server>('servers', {}, asking)
    })
    return all.filter((server) => server.name === name)
  }

  async server(id: string, signal: AbortSignal): Promise<CloudServer | undefined> {
    const server = await this.#server(id, signal)
    return server && cloudServer(server)
  }

  async power(id: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    const path = `/servers/${encodeURIComponent(id)}/actions/${POWER[action]}`
    await this.api.call<{ action: Action }>(
      { method: 'POST', path, what: `${POWER[action]} the server` },
      signal,
    )
  }

  /** Labels are replaced as a whole, so that those of others are read and written again. */
  async label(id: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const body = { labels: { ...(await this.#labels(id, signal)), ...labelsOf(tags) } }
    const path = `/servers/${encodeURIComponent(id)}`
    const call = { method: 'PUT', path, body, what: 'write labels on the server' } as const
    this.labelled((await this.api.call<{ server: Server }>(call, signal)).server)
  }

  /** Remembers the labels of a server that was just listed, made or written on. */
  labelled({ id, labels }: Server, asOf?: number): void {
    this.memory.keep(`labels ${id}`, LABELS_MS, labels, asOf)
  }

  async listOthers(_account: DriverAccount, signal: AbortSignal): Promise<readonly FoundResource[]> {
    const lists = Object.entries(OTHERS).map(async ([field, kind]) => {
      const things = await this.api.list<Named>(field, { label_selector: OURS }, signal)
      return things.map((thing) => found(kind, thing))
    })
    return (await Promise.all(lists)).flat()
  }

  async #labels(id: string, signal: AbortSignal): Promise<Labels> {
    return await this.memory.once(`labels ${id}`, 0, signal, async (asking) => {
      const server = await this.#server(id, asking)
      if (!server) throw new MachineError('driver', `Hetzner has no server ${id} to write labels on`)
      return server.labels
    })
  }

  async #server(id: string, signal: AbortSignal): Promise<Server | undefined> {
    const path = `/servers/${encodeURIComponent(id)}`
    return (await this.api.get<{ server: Server }>(path, 'look at the server', 'server', signal))?.server
  }
}

/** What else we make, by the name of its list. All of it is shared. */
const OTHERS: Readonly<Record<string, string>> = {
  ssh_keys: SSH_KEY,
  firewalls: FIREWALL,
  placement_groups: GROUP,
}

function found(kind: string, { id, name, labels, created }: Named): FoundResource {
  return {
    resource: { kind, key: name, id: String(id), tags: tagsOf(labels), state: 'made' },
    name,
    createdAt: created,
    monthlyPrice: { amount: 0, currency: 'EUR' },
    shared: true,
  }
}

/** Endpoint and token, without telling the token. */
export function accountKey(config: JsonObject): string {
  const token = new ConfigReader(config).string('apiToken')
  const name = createHash('sha256').update(token).digest('hex').slice(0, 16)
  return `hetzner ${readConfig(config).endpoint} ${name}`
}

export function openAccount(config: JsonObject, deps: DriverDeps): Promise<HetznerAccount> {
  const { endpoint, waitOnPolling } = readConfig(config)
  const desk = deps.account(placeKey('hetzner', endpoint))
  const token = new ConfigReader(config).string('apiToken')
  const api = new HetznerApi({
    endpoint,
    token,
    budget: deps.account(accountKey(config)).budget(LIMIT),
    clock: deps.clock,
    ...(deps.debug ? { log: deps.debug } : {}),
  })
  return Promise.resolve(new HetznerAccount(api, desk, deps.clock, Math.max(1, waitOnPolling) * 1_000))
}
