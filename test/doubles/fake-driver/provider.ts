import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AccessRules } from '../../../src/contracts/driver.js'
import { MachineError } from '../../../src/contracts/errors.js'
import type { MachineState } from '../../../src/contracts/state.js'

type Tags = Readonly<Record<string, string>>

/** What everything at the double has: the account that it belongs to (its token), tags and age. */
interface Owned {
  readonly account: string
  readonly tags: Tags
  readonly createdAt: string
}

/** A server at the double, as its API shows it. */
export interface FakeServer extends Owned {
  readonly id: string
  readonly name: string
  readonly state: MachineState
  /** Name of the firewall that guards it. */
  readonly firewall?: string
  readonly address: string
  /** List calls until it runs. */
  readonly bootsIn: number
}

/** A key or a firewall. */
export interface FakeThing extends Owned {
  readonly name: string
  /** Only of firewalls. */
  readonly rules?: AccessRules
}

/** What goes wrong with the n-th call of a kind (0 is the next one). */
export interface Fault {
  readonly call: string
  readonly after: number
  readonly kind: 'fail' | 'hang' | 'lost' | 'busy' | 'broken' | 'exit'
}

interface State {
  readonly servers: readonly FakeServer[]
  readonly keys: readonly FakeThing[]
  readonly firewalls: readonly FakeThing[]
  readonly calls: readonly string[]
  readonly faults: readonly Fault[]
  readonly lastId: number
  /** Tokens without one of which every call is refused; each is an account of its own. */
  readonly tokens?: readonly string[]
}

const EMPTY: State = { servers: [], keys: [], firewalls: [], calls: [], faults: [], lastId: 0 }

/** An error of the double's API. `status` 0: the answer never arrived. */
export class ProviderError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message)
    this.name = 'ProviderError'
  }
}

/**
 * A cloud provider in one JSON file, so that a driver in this process and one in a child talk to the same one. Every
 * change is one synchronous read and rename: what a call did has happened, whatever becomes of its caller.
 */
export class FakeProvider {
  readonly #file: string

  constructor(readonly dir: string) {
    mkdirSync(dir, { recursive: true })
    this.#file = join(dir, 'provider.json')
  }

  read(): State {
    return existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, 'utf8')) as State) : EMPTY
  }

  #write(state: State): void {
    const temporary = `${this.#file}.${process.pid}`
    writeFileSync(temporary, JSON.stringify(state))
    renameSync(temporary, this.#file)
  }

  /** Scripts faults; they replace earlier ones. */
  script(faults: readonly Fault[]): void {
    this.#write({ ...this.read(), faults })
  }

  /** From now on every call needs one of these tokens; each sees an account of its own. */
  requireToken(...tokens: readonly string[]): void {
    this.#write({ ...this.read(), tokens })
  }

  /** @throws MachineError as drivers do for a wrong token */
  authorise(call: string, token: string): void {
    const { tokens } = this.read()
    if (tokens && !tokens.includes(token)) throw new MachineError('driver', `${call}: 401 unauthorised`)
  }

  /** Counts a call and says what goes wrong with it. */
  enter(call: string): Fault['kind'] | undefined {
    const state = this.read()
    const due = state.faults.find((fault) => fault.call === call && fault.after === 0)
    const faults = state.faults
      .filter((fault) => fault !== due)
      .map((fault) => (fault.call === call ? { ...fault, after: fault.after - 1 } : fault))
    this.#write({ ...state, faults, calls: [...state.calls, call] })
    return due?.kind
  }

  /** Makes a key or a firewall; one of that name gets the new rules. */
  put(kind: 'keys' | 'firewalls', thing: Pick<FakeThing, 'name' | 'account' | 'tags' | 'rules'>): void {
    const state = this.read()
    const old = state[kind].find((each) => isSame(each, thing))
    const createdAt = old?.createdAt ?? new Date().toISOString()
    const others = state[kind].filter((each) => each !== old)
    this.#write({ ...state, [kind]: [...others, { ...thing, createdAt }] })
  }

  delete(kind: 'keys' | 'firewalls', name: string, account: string): void {
    const state = this.read()
    const old = state[kind].find((each) => isSame(each, { name, account }))
    if (!old) throw new ProviderError(404, `${name} not found`)
    if (kind === 'firewalls' && state.servers.some(({ firewall }) => firewall === name))
      throw new ProviderError(409, `firewall ${name} is in use`)
    this.#write({ ...state, [kind]: state[kind].filter((each) => each !== old) })
  }

  createServer(wanted: Pick<FakeServer, 'name' | 'account' | 'tags' | 'firewall'>): FakeServer {
    const state = this.read()
    const lastId = state.lastId + 1
    const server: FakeServer = {
      ...wanted,
      id: `srv-${lastId}`,
      createdAt: new Date().toISOString(),
      state: 'Starting',
      address: `198.51.100.${lastId}`,
      bootsIn: 2,
    }
    this.#write({ ...state, lastId, servers: [...state.servers, server] })
    return server
  }

  /** All servers of an account; time passes with each list. */
  listServers(account: string): readonly FakeServer[] {
    const state = this.read()
    const servers = state.servers.map(booted)
    this.#write({ ...state, servers })
    return servers.filter((server) => server.account === account)
  }

  /** Keys and firewalls of an account. */
  listThings(kind: 'keys' | 'firewalls', account: string): readonly FakeThing[] {
    return this.read()[kind].filter((thing) => thing.account === account)
  }

  setState(id: string, to: MachineState): void {
    this.change(id, (server) => ({ ...server, state: to }))
  }

  /** Changes one server: what an API call does, or what happens behind our back. */
  change(id: string, how: (server: FakeServer) => FakeServer): void {
    const state = this.read()
    if (!state.servers.some((server) => server.id === id))
      throw new ProviderError(404, `server ${id} not found`)
    const servers = state.servers.map((server) => (server.id === id ? how(server) : server))
    this.#write({ ...state, servers })
  }

  deleteServer(id: string): void {
    const state = this.read()
    if (!state.servers.some((server) => server.id === id))
      throw new ProviderError(404, `server ${id} not found`)
    this.#write({ ...state, servers: state.servers.filter((server) => server.id !== id) })
  }

  /** Makes everything that exists older. */
  age(ms: number): void {
    const state = this.read()
    const older = <T extends Owned>(thing: T): T => ({
      ...thing,
      createdAt: new Date(Date.parse(thing.createdAt) - ms).toISOString(),
    })
    const [servers, keys, firewalls] = [state.servers, state.keys, state.firewalls]
    this.#write({
      ...state,
      ...{ servers: servers.map(older), keys: keys.map(older), firewalls: firewalls.map(older) },
    })
  }

  /** Everything that exists, for tests that want nothing left. */
  leftovers(): readonly string[] {
    const { servers, keys, firewalls } = this.read()
    return [...servers.map(({ id }) => id), ...[...keys, ...firewalls].map(({ name }) => name)]
  }

  countCalls(call: string): number {
    return this.read().calls.filter((each) => each === call).length
  }
}

function booted(server: FakeServer): FakeServer {
  if (server.state !== 'Starting') return server
  return server.bootsIn > 0 ? { ...server, bootsIn: server.bootsIn - 1 } : { ...server, state: 'Running' }
}

function isSame(a: Pick<FakeThing, 'name' | 'account'>, b: Pick<FakeThing, 'name' | 'account'>): boolean {
  return a.name === b.name && a.account === b.account
}
