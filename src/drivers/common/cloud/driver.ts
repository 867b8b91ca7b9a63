import type {
  AccessRules,
  Driver,
  DriverAccount,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  Endpoint,
  FoundResource,
  InventoryPlace,
  MachineSpec,
  PreflightFault,
  StateReport,
} from '../../../contracts/driver.js'
import { MachineError } from '../../../contracts/errors.js'
import type { JsonObject, Resource } from '../../../contracts/record.js'
import { pending } from '../../../util/wait.js'
import { isApiError } from '../api/errors.js'
import { type Firewalls, moveAccess } from './access.js'
import {
  addressAttributes,
  type Addresses,
  chosenAddress,
  type CloudAccount,
  type CloudServer,
  type PowerAction,
  type Reach,
} from './account.js'
import { accountOf, type AccountSource } from './accounts.js'
import { makePart } from './make.js'
import { type Part, SERVER, serverOf } from './part.js'
import { removeParts } from './remove.js'
import { currentServer, inState, type Seen, untilServer } from './server.js'
import { type AddressNow, serverStates } from './states.js'

/** What a cloud driver is, as data and a few calls; `CloudDriver` does the rest. */
export interface CloudDefinition<A extends CloudAccount> extends AccountSource<A> {
  /** In the order in which they are made; removed in reverse. One is of kind `server`. */
  readonly parts: readonly Part<A>[]
  readonly firewalls: Firewalls<A>
  reach(config: JsonObject): Reach
  preflight(account: A, spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]>
}

/** Other people's images on shared processors: a first boot takes some three minutes at worst, as docker-machine waits. */
const PATIENCE = 3

/** The driver contract for any cloud. */
export class CloudDriver<A extends CloudAccount> implements Driver {
  constructor(
    protected readonly definition: CloudDefinition<A>,
    protected readonly deps: DriverDeps,
  ) {}

  async preflight(spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]> {
    signal.throwIfAborted()
    try {
      return await this.definition.preflight(await this.account(spec), spec, signal)
    } catch (error) {
      if (!isApiError(error) || error.fate !== 'unreachable') throw error
      return [{ message: error.message, ...(error.hints.length > 0 ? { hint: error.hints.join(' ') } : {}) }]
    }
  }

  async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    const account = await this.account(spec)
    const made: Record<string, readonly Resource[]> = {}
    for (const part of this.definition.parts) {
      made[part.kind] = yield* makePart(account, part, spec, made, signal)
      if (part.kind === SERVER) yield* this.#settle(account, spec, made, signal)
    }
  }

  /** Waits until the new server runs and has its address. */
  async *#settle(
    account: A,
    spec: MachineSpec,
    made: Record<string, readonly Resource[]>,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    const server = serverOf(made[SERVER] ?? [])
    if (!server) return
    yield { type: 'progress', text: 'Waiting for the server to run and have an address' }
    const { via } = this.definition.reach(spec.config)
    const what = `server ${server.id} to run and have an address`
    const seen = await untilServer(account, server, what, running(via), signal)
    const resource = withAddresses(server, seen)
    made[SERVER] = [resource]
    yield { type: 'made', resource }
  }

  async states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    signal.throwIfAborted()
    const keys = [...new Set(machines.map(({ config }) => this.definition.accountKey(config)))]
    const reports = await Promise.all(keys.map(async (key) => await this.#statesAt(key, machines, signal)))
    return reports.flat()
  }

  async #statesAt(
    key: string,
    machines: readonly DriverMachine[],
    signal: AbortSignal,
  ): Promise<readonly StateReport[]> {
    const group = machines.filter(({ config }) => this.definition.accountKey(config) === key)
    const [first] = group
    if (!first) return []
    const addressNow: AddressNow = (machine, server) => this.addressNow(machine, server)
    return await serverStates(await this.account(first), group, addressNow, signal)
  }

  /** Where the machine would be reached now; `endpoint()` says where its record has it. */
  protected addressNow({ config }: DriverMachine, { addresses }: CloudServer): string {
    return chosenAddress(addresses, this.definition.reach(config).via)
  }

  endpoint(machine: DriverMachine): Endpoint {
    const { via, sshUser, sshPort, enginePort } = this.definition.reach(machine.config)
    const addresses = (serverOf(machine.resources)?.attributes ?? {}) as Addresses
    const host = chosenAddress(addresses, via)
    return {
      address: host,
      ssh: { host, port: sshPort, user: sshUser },
      engine: { host, port: enginePort },
      enginePort,
      sans: Object.values(addressAttributes(addresses)).filter((each) => typeof each === 'string'),
    }
  }

  patience(): number {
    return PATIENCE
  }

  async *start(machine: DriverMachine, _image: unknown, signal: AbortSignal): AsyncIterable<DriverEvent> {
    const { account, server } = await this.#power(machine, 'on', signal)
    const { via } = this.definition.reach(machine.config)
    const seen = await untilServer(account, server, `server ${server.id} to run`, running(via), signal)
    yield { type: 'made', resource: withAddresses(server, seen) }
  }

  async *stop(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    yield { type: 'progress', text: 'Asking the server to shut down' }
    const { account, server } = await this.#power(machine, 'shutdown', signal)
    await untilServer(account, server, `server ${server.id} to stop`, inState('Stopped'), signal)
  }

  async *kill(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    yield { type: 'progress', text: 'Cutting the power' }
    const { account, server } = await this.#power(machine, 'off', signal)
    await untilServer(account, server, `server ${server.id} to stop`, inState('Stopped'), signal)
  }

  /** Orders it unless it is so already. An order that was not answered may have been taken: the wait tells. */
  async #power(
    machine: DriverMachine,
    action: PowerAction,
    signal: AbortSignal,
  ): Promise<{ readonly account: A; readonly server: Resource }> {
    signal.throwIfAborted()
    const account = await this.account(machine)
    const server = serverOf(machine.resources)
    const now = server && (await currentServer(account, server, signal))
    if (!server || !now) throw gone(machine, server)
    const target = action === 'on' ? 'Running' : 'Stopped'
    if (now.state !== target)
      await account.power(now.id, action, signal).catch((error: unknown) => {
        if (signal.aborted || !isApiError(error) || error.fate !== 'unknown') throw error
      })
    return { account, server }
  }

  async *remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    yield* removeParts(await this.account(machine), this.definition.parts, machine, signal)
  }

  async *setAccess(
    machine: DriverMachine,
    access: AccessRules,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    yield* moveAccess(await this.account(machine), this.definition.firewalls, machine, access, signal)
  }

  places({ config }: DriverAccount, signal: AbortSignal): Promise<readonly InventoryPlace[]> {
    signal.throwIfAborted()
    return Promise.resolve([{ key: this.definition.accountKey(config), config }])
  }

  async inventory(account: DriverAccount, signal: AbortSignal): Promise<readonly FoundResource[]> {
    const open = await this.account(account)
    const [servers, others] = await Promise.all([open.listServers(signal), open.listOthers(account, signal)])
    return [...servers.map(foundServer), ...others]
  }

  async label(
    machine: DriverMachine,
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void> {
    const server = serverOf(machine.resources)
    if (server?.id === undefined) throw gone(machine, server)
    await (await this.account(machine)).label(server.id, tags, signal)
  }

  protected async account({ config }: { readonly config: JsonObject }): Promise<A> {
    return await accountOf(this.definition, config, this.deps)
  }
}

function running(via: Reach['via']): Seen<CloudServer> {
  return (server) => {
    if (server.state !== 'Running') return pending(`state ${server.state || 'unknown'}`)
    return chosenAddress(server.addresses, via) === '' ? pending('it has no address yet') : server
  }
}

function withAddresses(resource: Resource, server: CloudServer): Resource {
  const attributes = { ...otherAttributes(resource), ...addressAttributes(server.addresses) }
  return { ...resource, attributes }
}

const ADDRESSES = ['public4', 'public6', 'private']

/** An address that the server has lost must not stay. */
function otherAttributes({ attributes = {} }: Resource): JsonObject {
  return Object.fromEntries(Object.entries(attributes).filter(([key]) => !ADDRESSES.includes(key)))
}

function foundServer(server: CloudServer): FoundResource {
  const { id, name, tags, region, addresses, createdAt, monthlyPrice, state, firewalls } = server
  return {
    resource: {
      kind: SERVER,
      key: name,
      id,
      tags,
      state: 'made',
      attributes: addressAttributes(addresses),
      ...(region === undefined ? {} : { region }),
    },
    name,
    state,
    ...(firewalls === undefined ? {} : { uses: firewalls }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(monthlyPrice === undefined ? {} : { monthlyPrice }),
  }
}

function gone(machine: DriverMachine, server: Resource | undefined): MachineError {
  const what = server?.id === undefined ? 'has no server' : `has lost its server ${server.id}`
  return new MachineError('driver', `"${machine.name}" ${what} at the provider`, {
    machine: machine.name,
    hints: [`tsmachine rm ${machine.name}`],
  })
}
