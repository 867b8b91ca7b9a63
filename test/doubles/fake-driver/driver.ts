import { createHash } from 'node:crypto'
import type {
  AccessRules,
  Driver,
  DriverAccount,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  Endpoint,
  FoundResource,
  MachineSpec,
  PreflightFault,
  StateReport,
} from '../../../src/contracts/driver.js'
import type { Resource } from '../../../src/contracts/record.js'
import type { MachineState } from '../../../src/contracts/state.js'
import { ConfigReader } from '../../../src/drivers/common/config-reader.js'
import { waitFor, pending } from '../../../src/util/wait.js'
import { FakeClient } from './client.js'
import { foundServer, foundThing, madeServer } from './found.js'

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
    const tags = { ...tagsOf(spec.machine), 'tsmachine-name': spec.machine.name }
    const key = keyName(spec.machine)
    if (stateOf(spec.resources, 'key') !== 'made') {
      const resource: Resource = { kind: 'key', key, state: 'intended' }
      yield { type: 'intent', resource }
      await client.put('keys', { name: key, tags: { 'tsmachine-store': spec.machine.storeId } }, signal)
      yield { type: 'made', resource: { ...resource, id: key, state: 'made' } }
    }
    const firewall = spec.access && firewallName(spec.machine, spec.access)
    if (firewall && spec.access) {
      const { config, resources } = spec
      const machine = { ...spec.machine, config, resources }
      yield* this.#makeFirewall(machine, { name: firewall, rules: spec.access }, signal)
    }
    yield { type: 'progress', text: 'Asking for a server' }
    const name = `tsmachine-${spec.machine.id.slice(0, 8)}`
    const server: Resource = { kind: 'server', key: name, tags, state: 'intended' }
    if (stateOf(spec.resources, 'server') !== 'made') yield { type: 'intent', resource: server }
    const wanted = { name: spec.machine.name, tags, ...(firewall ? { firewall } : {}) }
    const made = await client.createServer(wanted, signal)
    yield { type: 'made', resource: madeServer(server, made) }
    await this.#waitUntil(client, made.id, 'Running', signal)
    yield { type: 'log', level: 'info', text: `${made.id} runs at ${made.address}` }
  }

  async states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    const clients = new Set(machines.map((machine) => this.#client(machine)))
    const reports = await Promise.all(
      [...clients].map((client) =>
        statesAt(
          client,
          machines.filter((machine) => this.#client(machine) === client),
          signal,
        ),
      ),
    )
    return reports.flat()
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
    const server = await client.findServer(tagsOf(machine), signal)
    if (!server) throw new Error('the server is gone')
    yield { type: 'progress', text: `Setting ${server.id} to ${state}` }
    await client.setState(server.id, state, signal)
    const known = machine.resources.find(({ kind }) => kind === 'server')
    if (known && state === 'Running' && addressOf(machine.resources) !== server.address)
      yield { type: 'made', resource: madeServer(known, server) }
  }

  /** By tag, not only by recorded id: an answer may have been lost between the call and the record. */
  async *remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    const client = this.#client(machine)
    const server = await client.findServer(tagsOf(machine), signal)
    if (server) await client.deleteServer(server.id, signal)
    for (const { kind, key } of machine.resources.toReversed()) {
      if (kind === 'firewall') await client.delete('firewalls', key, signal)
      if (kind === 'key') await this.#dropKey(client, key, machine, signal)
      yield { type: 'removed', kind, key }
    }
  }

  async *console(): AsyncIterable<string> {
    yield* ['fake firmware', 'fake login:']
  }

  async *setAccess(
    machine: DriverMachine,
    rules: AccessRules,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    const client = this.#client(machine)
    const name = firewallName(machine, rules)
    yield* this.#makeFirewall(machine, { name, rules }, signal)
    const server = await client.findServer(tagsOf(machine), signal)
    if (server && server.firewall !== name) await client.guard(server.id, name, signal)
    for (const { kind, key } of machine.resources) {
      if (kind !== 'firewall' || key === name) continue
      await client.delete('firewalls', key, signal)
      yield { type: 'removed', kind, key }
    }
  }

  async inventory(account: DriverAccount, signal: AbortSignal): Promise<readonly FoundResource[]> {
    const client = this.#client(account)
    const servers = await client.listServers(signal)
    const [keys, firewalls] = [await client.list('keys', signal), await client.list('firewalls', signal)]
    return [
      ...servers.map(foundServer),
      ...firewalls.map((thing) => foundThing('firewall', thing)),
      ...keys.map((thing) => ({ ...foundThing('key', thing), shared: true })),
    ].filter(({ resource }) => resource.tags?.['tsmachine-store'] !== undefined)
  }

  async label(
    machine: DriverMachine,
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void> {
    const client = this.#client(machine)
    const id = machine.resources.find(({ kind }) => kind === 'server')?.id
    if (id !== undefined) await client.tag(id, tags, signal)
  }

  async *#makeFirewall(
    machine: Omit<DriverMachine, 'name' | 'dir'>,
    { name, rules }: { readonly name: string; readonly rules: AccessRules },
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    const resource: Resource = { kind: 'firewall', key: name, state: 'intended' }
    const known = machine.resources.find(({ kind, key }) => kind === 'firewall' && key === name)
    if (known?.state !== 'made') yield { type: 'intent', resource }
    await this.#client(machine).put('firewalls', { name, rules, tags: tagsOf(machine) }, signal)
    if (known?.state !== 'made') yield { type: 'made', resource: { ...resource, id: name, state: 'made' } }
  }

  /** All machines of a store share it. */
  async #dropKey(
    client: FakeClient,
    key: string,
    machine: DriverMachine,
    signal: AbortSignal,
  ): Promise<void> {
    const servers = await client.listServers(signal)
    const inUse = servers.some(({ tags }) => tags['tsmachine-store'] === machine.storeId)
    if (!inUse) await client.delete('keys', key, signal)
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

  /** One client per account, whatever the number of machines. */
  #client({ config }: Pick<DriverMachine, 'config'>): FakeClient {
    const read = new ConfigReader(config)
    const [dir, token] = [read.string('dir'), read.string('token')]
    const known = this.#clients.get(`${dir} ${token}`) ?? new FakeClient(dir, this.deps.clock, token)
    this.#clients.set(`${dir} ${token}`, known)
    return known
  }
}

async function statesAt(
  client: FakeClient,
  machines: readonly DriverMachine[],
  signal: AbortSignal,
): Promise<readonly StateReport[]> {
  const servers = await client.listServers(signal)
  return machines.map(({ id }) => {
    const server = servers.find(({ tags }) => tags['tsmachine-id'] === id)
    return server
      ? { id, state: server.state, address: server.address }
      : { id, state: 'Error', error: 'the server is gone' }
  })
}

function tagsOf({ id, storeId }: { id: string; storeId: string }): Readonly<Record<string, string>> {
  return { 'tsmachine-id': id, 'tsmachine-store': storeId }
}

function keyName({ storeId }: { storeId: string }): string {
  return `tsmachine-${storeId.slice(0, 8)}`
}

function firewallName({ id }: { id: string }, rules: AccessRules): string {
  const hash = createHash('sha256').update(JSON.stringify(rules)).digest('hex')
  return `tsmachine-${id.slice(0, 8)}-${hash.slice(0, 8)}`
}

function stateOf(resources: readonly Resource[], kind: string): Resource['state'] | undefined {
  return resources.find((resource) => resource.kind === kind)?.state
}

function addressOf(resources: readonly Resource[]): string {
  const server = resources.find((resource) => resource.kind === 'server')
  return new ConfigReader(server?.attributes ?? {}).string('address')
}
