import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MachineState } from '../../../src/contracts/state.js'

/** A server at the double, as its API shows it. */
export interface FakeServer {
  readonly id: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly state: MachineState
  readonly address: string
  /** List calls until it runs. */
  readonly bootsIn: number
}

/** What goes wrong with the n-th call of a kind (0 is the next one). */
export interface Fault {
  readonly call: string
  readonly after: number
  readonly kind: 'fail' | 'hang' | 'lost' | 'busy' | 'broken' | 'exit'
}

interface State {
  readonly servers: readonly FakeServer[]
  readonly keys: readonly string[]
  readonly calls: readonly string[]
  readonly faults: readonly Fault[]
  readonly lastId: number
  /** Token without which every call is refused. */
  readonly token?: string
}

const EMPTY: State = { servers: [], keys: [], calls: [], faults: [], lastId: 0 }

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

  /** From now on every call needs this token. */
  requireToken(token: string): void {
    this.#write({ ...this.read(), token })
  }

  /** @throws ProviderError as an API does for a wrong token */
  authorise(call: string, token: string): void {
    const wanted = this.read().token
    if (wanted !== undefined && token !== wanted) throw new ProviderError(401, `${call}: 401 unauthorised`)
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

  createKey(name: string): void {
    const state = this.read()
    this.#write({ ...state, keys: [...new Set([...state.keys, name])] })
  }

  deleteKey(name: string): void {
    const state = this.read()
    if (!state.keys.includes(name)) throw new ProviderError(404, `key ${name} not found`)
    this.#write({ ...state, keys: state.keys.filter((key) => key !== name) })
  }

  createServer(name: string, tags: FakeServer['tags']): FakeServer {
    const state = this.read()
    const lastId = state.lastId + 1
    const id = `srv-${lastId}`
    const server: FakeServer = {
      id,
      name,
      tags,
      state: 'Starting',
      address: `198.51.100.${lastId}`,
      bootsIn: 2,
    }
    this.#write({ ...state, lastId, servers: [...state.servers, server] })
    return server
  }

  /** All servers of the account; time passes with each list. */
  listServers(): readonly FakeServer[] {
    const state = this.read()
    const servers = state.servers.map(booted)
    this.#write({ ...state, servers })
    return servers
  }

  setState(id: string, to: MachineState): void {
    const state = this.read()
    if (!state.servers.some((server) => server.id === id))
      throw new ProviderError(404, `server ${id} not found`)
    const change = (server: FakeServer): FakeServer => ({ ...server, state: to })
    this.#write({
      ...state,
      servers: state.servers.map((server) => (server.id === id ? change(server) : server)),
    })
  }

  deleteServer(id: string): void {
    const state = this.read()
    if (!state.servers.some((server) => server.id === id))
      throw new ProviderError(404, `server ${id} not found`)
    this.#write({ ...state, servers: state.servers.filter((server) => server.id !== id) })
  }

  /** Everything that exists, for tests that want nothing left. */
  leftovers(): readonly string[] {
    const { servers, keys } = this.read()
    return [...servers.map(({ id }) => id), ...keys]
  }

  countCalls(call: string): number {
    return this.read().calls.filter((each) => each === call).length
  }
}

function booted(server: FakeServer): FakeServer {
  if (server.state !== 'Starting') return server
  return server.bootsIn > 0 ? { ...server, bootsIn: server.bootsIn - 1 } : { ...server, state: 'Running' }
}
