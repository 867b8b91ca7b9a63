import type { Clock } from '../../../src/contracts/clock.js'
import { MachineError } from '../../../src/contracts/errors.js'
import type { MachineState } from '../../../src/contracts/state.js'
import { retry, withDeadline } from '../../../src/util/wait.js'
import { FakeProvider, ProviderError, type FakeServer, type FakeThing } from './provider.js'

const LATENCY_MS = 1
const DEADLINE_MS = 60_000

type Kind = 'keys' | 'firewalls'

/** Names of calls, by which tests script faults. */
const CALLS: Readonly<Record<Kind, Readonly<Record<'put' | 'delete' | 'list', string>>>> = {
  keys: { put: 'createKey', delete: 'deleteKey', list: 'listKeys' },
  firewalls: { put: 'createFirewall', delete: 'deleteFirewall', list: 'listFirewalls' },
}

/** The double's API over a "network" that delays, refuses, loses answers and hangs as scripted. */
export class FakeClient {
  readonly #provider: FakeProvider
  #listing: Promise<readonly FakeServer[]> | undefined

  constructor(
    dir: string,
    private readonly clock: Clock,
    private readonly token = '',
  ) {
    this.#provider = new FakeProvider(dir)
  }

  async put(
    kind: Kind,
    thing: Pick<FakeThing, 'name' | 'tags' | 'rules'>,
    signal: AbortSignal,
  ): Promise<void> {
    const work = (): void => this.#provider.put(kind, { ...thing, account: this.token })
    await this.#retried(CALLS[kind].put, work, signal)
  }

  async delete(kind: Kind, name: string, signal: AbortSignal): Promise<void> {
    const work = (): void => this.#provider.delete(kind, name, this.token)
    await this.#retried(CALLS[kind].delete, () => this.#ifThere(work), signal)
  }

  async list(kind: Kind, signal: AbortSignal): Promise<readonly FakeThing[]> {
    return await this.#retried(CALLS[kind].list, () => this.#provider.listThings(kind, this.token), signal)
  }

  /** Makes a server at most once for its tags: a request whose answer was lost is looked for before it is repeated. */
  async createServer(
    wanted: Pick<FakeServer, 'name' | 'tags' | 'firewall'>,
    signal: AbortSignal,
  ): Promise<FakeServer> {
    const server = { ...wanted, account: this.token }
    return await retry(
      `server ${wanted.name} to be made`,
      async (inner) =>
        (await this.findServer(wanted.tags, inner)) ??
        (await this.#call('createServer', () => this.#provider.createServer(server), inner)),
      { deadlineMs: DEADLINE_MS, intervalMs: 5, isRetryable, signal, clock: this.clock },
    )
  }

  async findServer(tags: FakeServer['tags'], signal: AbortSignal): Promise<FakeServer | undefined> {
    const servers = await this.#call('listServers', () => this.#provider.listServers(this.token), signal)
    return servers.find((server) => server.tags['tsmachine-id'] === tags['tsmachine-id'])
  }

  /** One list call serves everybody who asks while it is under way. */
  async listServers(signal: AbortSignal): Promise<readonly FakeServer[]> {
    this.#listing ??= this.#retried('listServers', () => this.#provider.listServers(this.token)).finally(
      () => (this.#listing = undefined),
    )
    const listing = this.#listing
    return await withDeadline('the list of servers', DEADLINE_MS, () => listing, { signal })
  }

  async setState(id: string, state: MachineState, signal: AbortSignal): Promise<void> {
    await this.#retried('setState', () => this.#provider.setState(id, state), signal)
  }

  /** Puts a server behind another firewall. */
  async guard(id: string, firewall: string, signal: AbortSignal): Promise<void> {
    const change = (): void => this.#provider.change(id, (server) => ({ ...server, firewall }))
    await this.#retried('guard', change, signal)
  }

  async tag(id: string, tags: FakeServer['tags'], signal: AbortSignal): Promise<void> {
    const change = (): void =>
      this.#provider.change(id, (server) => ({ ...server, tags: { ...server.tags, ...tags } }))
    await this.#retried('tag', change, signal)
  }

  async deleteServer(id: string, signal: AbortSignal): Promise<void> {
    await this.#retried('deleteServer', () => this.#ifThere(() => this.#provider.deleteServer(id)), signal)
  }

  #ifThere(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof ProviderError && error.status === 404)) throw error
    }
  }

  async #retried<T>(call: string, work: () => T, signal?: AbortSignal): Promise<T> {
    return await retry(call, async (inner) => await this.#call(call, work, inner), {
      deadlineMs: DEADLINE_MS,
      intervalMs: 5,
      isRetryable,
      clock: this.clock,
      ...(signal ? { signal } : {}),
    })
  }

  async #call<T>(call: string, work: () => T, signal: AbortSignal): Promise<T> {
    await this.clock.sleep(LATENCY_MS, signal)
    this.#provider.authorise(call, this.token)
    const fault = this.#provider.enter(call)
    if (fault === 'fail')
      throw new MachineError('driver', `${call}: 403 you may not do this`, { hints: ['Ask for the right.'] })
    if (fault === 'busy') throw new ProviderError(429, `${call}: 429 too many requests`, 20)
    if (fault === 'broken') throw new ProviderError(503, `${call}: 503 try later`)
    if (fault === 'hang') await this.clock.sleep(3_600_000, signal)
    const value = work()
    if (fault === 'exit') process.kill(process.pid, 'SIGKILL')
    if (fault === 'lost') throw new ProviderError(0, `${call}: the connection broke before the answer came`)
    await this.clock.sleep(LATENCY_MS, signal)
    return value
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof ProviderError && (error.status === 0 || error.status === 429 || error.status >= 500)
}
