import type {
  Driver,
  DriverDeps,
  DriverFactory,
  DriverMachine,
  FlagValues,
  JsonObject,
  MachineSpec,
} from '../../../../contracts/driver.js'
import type { Resource } from '../../../../contracts/record.js'
import { collectFlagValues } from '../../../common/flags.js'
import { NEVER } from './checks.js'

/** One driver under the contract suite, with eyes on its provider. */
export interface DriverSubject {
  /** The factory as a new process would load it; what an earlier one had in memory is gone. */
  load(): Promise<DriverFactory>
  readonly deps: DriverDeps
  /** Flag values that make a machine. */
  readonly good: FlagValues
  /** Values with faults, and a pattern for each fault: all must be reported together. */
  readonly bad: FlagValues
  readonly faults: readonly RegExp[]
  /** Directory of a machine (0700), new for each id. */
  machineDir(id: string): string
  /** What else `create` is given. */
  readonly extra?: Partial<MachineSpec>
  /** What exists at the provider for all machines of this subject. */
  leftovers(): Promise<readonly string[]>
  /** Machines (VMs, servers) that exist; undefined for a driver that makes none. */
  readonly count?: () => Promise<number>
  /** List calls so far, where the provider counts them. */
  readonly listCalls?: () => number
  /** The state right after create. */
  readonly freshState: 'Running'
  /** How long after an event aborts are tried: more where a try is cheap. */
  readonly abortDelaysMs: readonly number[]
  /** How many events happen, but are not recorded, before a crash: 0 and 1 where a try is cheap. */
  readonly lostEvents: readonly number[]
  /** The process of the driver dies without a word (kill -9), where it is not ours. */
  crash?(): Promise<void>
}

let lastMachine = 0

/** A machine of the suite: its config, its record of resources, and the calls on it. */
export class Trial {
  resources: readonly Resource[] = []
  readonly #id = (++lastMachine).toString(16).padStart(8, '0') + '0'.repeat(24)

  private constructor(
    readonly subject: DriverSubject,
    readonly factory: DriverFactory,
    readonly config: JsonObject,
  ) {}

  static async begin(subject: DriverSubject): Promise<Trial> {
    const factory = await subject.load()
    return new Trial(subject, factory, goodConfig(factory, subject))
  }

  /** A driver as a new process opens it. */
  async open(): Promise<Driver> {
    return await (await this.subject.load()).open(this.subject.deps)
  }

  machine(): DriverMachine {
    const dir = this.subject.machineDir(this.#id)
    const name = `m${this.#id.slice(0, 8)}`
    return {
      name,
      id: this.#id,
      storeId: 'f'.repeat(32),
      dir,
      config: this.config,
      resources: this.resources,
    }
  }

  spec(): MachineSpec {
    const { resources, config, ...machine } = this.machine()
    const { id, storeId, name } = machine
    const tags = { 'tsmachine-store': storeId, 'tsmachine-id': id, 'tsmachine-name': name }
    const access = { ssh: ['0.0.0.0/0', '::/0'], engine: [] }
    return {
      machine,
      config,
      resources,
      sshUser: 'docker',
      tags,
      ...(this.factory.capabilities.access ? { access } : {}),
      ...this.subject.extra,
    }
  }

  async create(driver: Driver, signal: AbortSignal = NEVER): Promise<number> {
    return await this.record(driver.create(this.spec(), signal))
  }

  async remove(driver: Driver, signal: AbortSignal = NEVER): Promise<number> {
    return await this.record(driver.remove(this.machine(), signal))
  }

  /** Records events as the machine layer does. Returns how many there were. */
  async record(events: AsyncIterable<unknown>): Promise<number> {
    let count = 0
    for await (const event of events) {
      this.apply(event)
      count++
    }
    return count
  }

  apply(event: unknown): void {
    const { type, resource, kind, key } = event as {
      type: string
      resource?: Resource
      kind?: string
      key?: string
    }
    const others = (kind?: string, key?: string): readonly Resource[] =>
      this.resources.filter((each) => each.kind !== kind || each.key !== key)
    if (type === 'removed') this.resources = others(kind, key)
    else if (resource) this.resources = [...others(resource.kind, resource.key), resource]
  }
}

const configs = new WeakMap<DriverSubject, JsonObject>()

/** The config of the subject's good flags, parsed once per subject. */
function goodConfig(factory: DriverFactory, subject: DriverSubject): JsonObject {
  const known = configs.get(subject)
  if (known) return known
  const parsed = factory.parse(collectFlagValues(factory.flags, subject.good, {}).values)
  if (!parsed.ok) throw new Error(`the good flags are refused: ${parsed.faults.join('; ')}`)
  configs.set(subject, parsed.config)
  return parsed.config
}
