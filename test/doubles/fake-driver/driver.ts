import type {
  Driver,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  Endpoint,
  MachineSpec,
  PreflightFault,
  StateReport,
} from '../../../src/contracts/driver.js'
import type { Resource } from '../../../src/contracts/record.js'
import type { MachineState } from '../../../src/contracts/state.js'
import { ConfigReader } from '../../../src/drivers/common/config-reader.js'
import { waitFor, pending } from '../../../src/util/wait.js'
import { FakeClient } from './client.js'
import type { FakeServer } from './provider.js'

const BOOT_MS = 60_000

/** The driver of the double: what a cloud driver does, in small. */
export class FakeDriver implements Driver {
  readonly #clients = new Map<string, FakeClient>()

  constructor(private readonly deps: DriverDeps) {}

  async preflight(spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]> {
    signal.throwIfAborted()
    const region = new ConfigReader(spec.config).string('region')
    const fault = { message: `region ${region} is full`, hint: 'Choose another one with --fake-region.' }
    return region === 'full' ? [fault] : []
  }

  async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    const client = this.#client(spec)
    const name = `tsmachine-${spec.machine.id.slice(0, 8)}`
    if (stateOf(spec.resources, 'key') !== 'made') {
      const key: Resource = { kind: 'key', key: name, state: 'intended' }
      yield { type: 'intent', resource: key }
      await client.createKey(name, signal)
      yield { type: 'made', resource: { ...key, id: name, state: 'made' } }
    }
    yield { type: 'progress', text: 'Asking for a server' }
    const server: Resource = { kind: 'server', key: name, tags: this.#tags(spec), state: 'intended' }
    if (stateOf(spec.resources, 'server') !== 'made') yield { type: 'intent', resource: server }
    const made = await client.createServer(spec.machine.name, this.#tags(spec), signal)
    yield { type: 'made', resource: madeServer(server, made) }
    await this.#waitUntil(client, made.id, 'Running', signal)
    yield { type: 'log', level: 'info', text: `${made.id} runs at ${made.address}` }
  }

  async states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    const dirOf = (machine: DriverMachine): string => new ConfigReader(machine.config).string('dir')
    const accounts = [...new Set(machines.map(dirOf))]
    const reports = await Promise.all(
      accounts.map((dir) =>
        this.#statesOf(
          machines.filter((machine) => dirOf(machine) === dir),
          signal,
        ),
      ),
    )
    return reports.flat()
  }

  async #statesOf(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    const [first] = machines
    if (!first) return []
    const servers = await this.#client(first).listServers(signal)
    return machines.map(({ id }) => {
      const server = servers.find(({ tags }) => tags['machine'] === id)
      return server ? { id, state: server.state } : { id, state: 'Error', error: 'the server is gone' }
    })
  }

  endpoint(machine: DriverMachine): Endpoint {
    const host = addressOf(machine.resources)
    return {
      address: host,
      ssh: { host, port: 22, user: 'docker' },
      engine: { host, port: 2376 },
      enginePort: 2376,
      sans: [],
    }
  }

  start(machine: DriverMachine, _image: unknown, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#power(machine, 'Running', signal)
  }

  stop(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#power(machine, 'Stopped', signal)
  }

  kill(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#power(machine, 'Stopped', signal)
  }

  async *#power(
    machine: DriverMachine,
    state: MachineState,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    const client = this.#client(machine)
    const server = await client.findServer(this.#tags({ machine }), signal)
    if (!server) throw new Error('the server is gone')
    yield { type: 'progress', text: `Setting ${server.id} to ${state}` }
    await client.setState(server.id, state, signal)
  }

  /** By tag, not only by recorded id: an answer may have been lost between the call and the record. */
  async *remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    const client = this.#client(machine)
    const server = await client.findServer(this.#tags({ machine }), signal)
    if (server) await client.deleteServer(server.id, signal)
    for (const { kind, key } of machine.resources.toReversed()) {
      if (kind === 'key') await client.deleteKey(key, signal)
      yield { type: 'removed', kind, key }
    }
  }

  async *console(): AsyncIterable<string> {
    yield* ['fake firmware', 'fake login:']
  }

  async #waitUntil(client: FakeClient, id: string, state: MachineState, signal: AbortSignal): Promise<void> {
    await waitFor(
      `server ${id} to be ${state}`,
      async (inner) => {
        const server = (await client.listServers(inner)).find((each) => each.id === id)
        return server?.state === state ? true : pending(`state ${server?.state ?? 'unknown'}`)
      },
      { deadlineMs: BOOT_MS, intervalMs: 2, signal, clock: this.deps.clock },
    )
  }

  #tags({ machine }: { machine: { id: string; storeId: string } }): Readonly<Record<string, string>> {
    return { machine: machine.id, store: machine.storeId }
  }

  /** One client per account, whatever the number of machines. */
  #client({ config }: Pick<DriverMachine, 'config'>): FakeClient {
    const read = new ConfigReader(config)
    const dir = read.string('dir')
    const known = this.#clients.get(dir) ?? new FakeClient(dir, this.deps.clock, read.string('token'))
    this.#clients.set(dir, known)
    return known
  }
}

function stateOf(resources: readonly Resource[], kind: string): Resource['state'] | undefined {
  return resources.find((resource) => resource.kind === kind)?.state
}

function addressOf(resources: readonly Resource[]): string {
  const server = resources.find((resource) => resource.kind === 'server')
  return new ConfigReader(server?.attributes ?? {}).string('address')
}

function madeServer(server: Resource, made: FakeServer): Resource {
  return { ...server, id: made.id, state: 'made', attributes: { address: made.address } }
}
