import type {
  Driver,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  Endpoint,
  FlagSpec,
  FlagValues,
  MachineIdentity,
  MachineSpec,
  PreflightFault,
  StateReport,
} from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import type { Resource } from '../../contracts/record.js'
import { pluginValues } from './flags.js'
import type { Glances } from './glances.js'
import { hasSsh, type PluginIdentity } from './identity.js'
import { LogEvents } from './log-events.js'
import { cannotResume, cutShort, notKnown } from './lost-machine.js'
import {
  failedMachine,
  intendedMachine,
  knownEndpoint,
  machineResource,
  madeMachine,
  plannedMachine,
  secretKeysOf,
  stateFields,
  wasBegun,
  wasCut,
} from '../common/recorded/machine-resource.js'
import { endpointOf, loginOf, stateOf, waitForState } from './observe.js'
import { pluginFailure } from './plugin-failure.js'
import { isSecretFlag, secretKeys } from './secret-keys.js'
import type { Lease, PluginSessions } from './sessions.js'
import { PluginError } from './wire/plugin-api.js'

/** Nothing is known of its boots, provider and network: deadlines are longer. */
const PATIENCE = 3

type ChangeMethod = 'Create' | 'Start' | 'Restart' | 'Stop' | 'Kill'

/** The state that each change leads to; docker-machine waits for it, as plugins may answer before it is reached. */
const LEADS_TO: Readonly<Record<ChangeMethod, 'Running' | 'Stopped'>> = {
  Create: 'Running',
  Start: 'Running',
  Restart: 'Running',
  Stop: 'Stopped',
  Kill: 'Stopped',
}

/** A machine, and the process that answers for it. */
interface Talk {
  readonly machine: MachineIdentity
  readonly lease: Lease
  readonly logs: LogEvents
  readonly signal: AbortSignal
  /** Keys of its state that are known to hold secrets. */
  readonly secretKeys: readonly string[]
}

/**
 * A plugin of docker-machine as a driver of ours. Its state is its own (`DriverMachine.state`), and it cannot announce
 * what it makes: our record knows of one thing, the machine, which is about to be made or is there.
 */
export class PluginDriver implements Driver {
  /** What `preflight` has made of the choices for a new machine, by its id: they are in no record. */
  readonly #chosen = new Map<string, { readonly state: string; readonly secretKeys: readonly string[] }>()

  constructor(
    private readonly plugin: PluginIdentity,
    private readonly flags: readonly FlagSpec[],
    private readonly sessions: () => PluginSessions,
    private readonly glances: () => Glances,
    private readonly deps: DriverDeps,
  ) {}

  /** Tells the plugin what was chosen, which stays in its process for `create`, and has it checked. */
  async preflight(spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]> {
    const values = pluginValues(this.plugin.plugin, this.flags, chosen(spec), spec.options)
    return await this.#ask(spec.machine, spec.state, signal, async (lease) => {
      await lease.call('SetConfigFromFlags', values, signal).catch((error: unknown) => {
        throw pluginFailure(error, {
          code: 'usage',
          prefix: 'Error setting machine configuration from flags provided: ',
        })
      })
      try {
        await lease.call('PreCreateCheck', undefined, signal)
        const state = await lease.call('GetConfigRaw', undefined, signal)
        const keys = secretKeys(stateFields(state), this.flags, chosen(spec))
        this.#chosen.set(spec.machine.id, { state, secretKeys: keys })
        return []
      } catch (error) {
        if (error instanceof PluginError) return [{ message: error.message }]
        throw error
      }
    })
  }

  /** @throws Error where `preflight` has not been passed */
  firstState({ machine }: MachineSpec): Promise<string> {
    const known = this.#chosen.get(machine.id)
    return known
      ? Promise.resolve(known.state)
      : Promise.reject(new Error(`${machine.name} has not passed its checks`))
  }

  async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    const { machine, state } = spec
    const before = machineResource(spec.resources)
    const keys = this.#chosen.get(machine.id)?.secretKeys ?? secretKeysOf(spec.resources)
    if (!before) yield { type: 'intent', resource: plannedMachine(machine.name, keys) }
    yield* this.#work({ ...machine, state }, signal, keys, (talk) =>
      before && wasBegun(before) ? this.#carryOn(talk, before) : this.#make(talk),
    )
  }

  async *#make(talk: Talk): AsyncIterable<DriverEvent> {
    if (talk.secretKeys.length > 0 || this.flags.some(isSecretFlag))
      yield {
        type: 'log',
        level: 'info',
        text: `The ${this.plugin.plugin} plugin keeps its settings, secrets among them, in clear text in config.json (0600)`,
      }
    yield { type: 'intent', resource: intendedMachine(talk.machine.name, talk.secretKeys) }
    yield* this.#change(talk, 'Create')
  }

  /** A Create that was cut is not begun again: nobody could tell whether there would be two machines then. */
  async *#carryOn(talk: Talk, before: Resource): AsyncIterable<DriverEvent> {
    const { machine, lease, signal } = talk
    const state = await stateOf(lease, signal).catch(() => '' as const)
    if (before.state !== 'made' && state !== 'Running' && hasSsh(this.plugin))
      throw cannotResume(machine.name, state, wasCut(before))
    yield* this.#settled(talk)
  }

  /** Runs a verb of the plugin, and records what it has made of its state also when it fails. */
  async *#change(talk: Talk, method: ChangeMethod): AsyncIterable<DriverEvent> {
    const { lease, logs, signal } = talk
    const until = LEADS_TO[method]
    try {
      yield* logs.during(lease.call(method, undefined, signal))
      // Before anything else is asked: the plugin may die of that, and would take with it what it has made.
      yield { type: 'state', state: await lease.call('GetConfigRaw', undefined) }
      if (hasSsh(this.plugin))
        yield* logs.during(waitForState(talk.machine.name, lease, until, { signal, clock: this.deps.clock }))
    } catch (error) {
      yield* this.#keepState(talk, method)
      throw error
    }
    if (until === 'Running') yield* this.#settled(talk)
    else yield { type: 'state', state: await lease.call('GetConfigRaw', undefined, signal) }
  }

  /** What a verb that failed has made of the state, if the plugin is still there to tell. */
  async *#keepState({ machine, lease, secretKeys }: Talk, method: ChangeMethod): AsyncIterable<DriverEvent> {
    const state = await lease.call('GetConfigRaw', undefined).catch(() => undefined)
    const known = state ?? lease.lastState()
    if (known !== undefined) yield { type: 'state', state: known }
    if (method !== 'Create') return
    if (state !== undefined) yield { type: 'intent', resource: failedMachine(machine.name, secretKeys) }
    else yield { type: 'log', level: 'warn', text: (known === undefined ? notKnown : cutShort)(machine.name) }
  }

  /** What is known of a machine that runs. */
  async *#settled({ machine, lease, signal, secretKeys }: Talk): AsyncIterable<DriverEvent> {
    const ssh = hasSsh(this.plugin)
    const endpoint = await endpointOf(this.plugin, lease, signal)
    const login = ssh ? await loginOf(lease, signal) : undefined
    const state = await lease.call('GetConfigRaw', undefined, signal)
    yield { type: 'state', state, ...(login ? { login } : {}) }
    yield { type: 'made', resource: madeMachine(machine.name, endpoint, secretKeys) }
  }

  async states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    return await Promise.all(machines.map(async (machine) => await this.#report(machine, signal)))
  }

  async glance(machine: DriverMachine, signal: AbortSignal): Promise<StateReport> {
    return await this.glances().look(machine, knownEndpoint(this.plugin.plugin, machine), signal)
  }

  async #report(machine: DriverMachine, signal: AbortSignal): Promise<StateReport> {
    return await this.#ask(
      machine,
      machine.state,
      signal,
      async (lease) => {
        const state = await stateOf(lease, signal)
        if (state !== 'Running') return { id: machine.id, state }
        const address = await lease.call('GetIP', undefined, signal).catch(() => '')
        return { id: machine.id, state, ...(address === '' ? {} : { address }) }
      },
      'read',
    )
  }

  /** @throws MachineError `driver` where neither our record nor docker-machine's names an address */
  endpoint(machine: DriverMachine): Endpoint {
    const endpoint = knownEndpoint(this.plugin.plugin, machine)
    if (endpoint) return endpoint
    throw new MachineError('driver', `IP address is not set in the record of "${machine.name}"`, {
      machine: machine.name,
      hints: [`Ask its plugin: tsmachine status ${machine.name}`, `tsmachine start ${machine.name}`],
    })
  }

  start(machine: DriverMachine, _image: unknown, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#work(machine, signal, secretKeysOf(machine.resources), (talk) => this.#begin(talk))
  }

  /** One that runs already may be at another address than before. */
  async *#begin(talk: Talk): AsyncIterable<DriverEvent> {
    const isUp = (await stateOf(talk.lease, talk.signal)) === 'Running'
    yield* isUp ? this.#settled(talk) : this.#change(talk, 'Start')
  }

  stop(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#verb(machine, 'Stop', signal)
  }

  kill(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#verb(machine, 'Kill', signal)
  }

  restart(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#verb(machine, 'Restart', signal)
  }

  /** Also where our record names nothing: that of a machine of docker-machine's may have come here without it. */
  async *remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    const resource = machineResource(machine.resources)
    yield* this.#work(machine, signal, [], (talk) => this.#remove(talk, resource))
    if (resource) yield { type: 'removed', kind: resource.kind, key: resource.key }
  }

  /** Plugins succeed in removing a machine that they do not know: its user must then be told. */
  async *#remove(
    { machine, lease, logs, signal }: Talk,
    resource: Resource | undefined,
  ): AsyncIterable<DriverEvent> {
    const isLost = resource && wasCut(resource) && (await stateOf(lease, signal).catch(() => '')) === ''
    yield* logs.during(lease.call('Remove', undefined, signal))
    if (isLost) yield { type: 'log', level: 'warn', text: notKnown(machine.name) }
  }

  patience(): number {
    return PATIENCE
  }

  #verb(machine: DriverMachine, method: ChangeMethod, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return this.#work(machine, signal, secretKeysOf(machine.resources), (talk) => this.#change(talk, method))
  }

  async *#work(
    machine: MachineIdentity & { readonly state?: string | undefined },
    signal: AbortSignal,
    keys: readonly string[],
    steps: (talk: Talk) => AsyncIterable<DriverEvent>,
  ): AsyncIterable<DriverEvent> {
    const logs = new LogEvents()
    const lease = await this.sessions().acquire({
      machine,
      onLog: (level, line) => logs.push(level, line),
      signal,
    })
    try {
      yield* steps({ machine, lease, logs, signal, secretKeys: keys })
      yield* logs.rest()
    } catch (error) {
      yield* logs.rest()
      throw pluginFailure(error, { machine: machine.name })
    } finally {
      lease.release()
    }
  }

  /** Questions without a story: what the plugin prints meanwhile is for `--debug`. */
  async #ask<T>(
    machine: MachineIdentity,
    state: string | undefined,
    signal: AbortSignal,
    work: (lease: Lease) => Promise<T>,
    purpose?: 'read',
  ): Promise<T> {
    const onLog = (_level: string, line: string): void => this.deps.debug?.(`(${machine.name}) ${line}`)
    const lease = await this.sessions().acquire({ machine: { ...machine, state }, onLog, signal, purpose })
    try {
      return await work(lease)
    } catch (error) {
      throw pluginFailure(error, { machine: machine.name })
    } finally {
      lease.release()
    }
  }
}

/** What was chosen is the config of a new machine, by flag name. */
function chosen({ config }: MachineSpec): FlagValues {
  return config as FlagValues
}
