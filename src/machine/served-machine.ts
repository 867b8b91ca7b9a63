/** One driver object of docker-machine's that we serve, and the machine of ours that is behind it. */
import type { DriverFactory } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import type { MachineState } from '../contracts/state.js'
import type { PluginFlagValues } from '../drivers/plugin/wire/plugin-api.js'
import { currentLedger } from '../store/records.js'
import { stateObject } from '../util/json-object.js'
import { withDeadline } from '../util/wait.js'
import type { MachineContext } from './context.js'
import { type OpenMachine, type OpenOptions, openRecord } from './open.js'
import { removeMade } from './remove.js'
import { checkServed, createServed, type PlannedMachine, planServed } from './serve-create.js'
import { restartServed, startServed, stopServed } from './serve-power.js'
import { recordOfState, servedState, writeLedgerBeside } from './serve-record.js'
import { machineState } from './state.js'

const STATE_MS = 60_000

export interface ServeOptions {
  readonly factory: DriverFactory
  /** Name by which the host finds this program, and which it writes into its records. */
  readonly driverName: string
  /** The context of use cases over the store that a host keeps its machines in. */
  contextAt(storePath: string): MachineContext
}

/** Its answers come from the record as it is now, so that another program's changes count. */
export class ServedMachine {
  #fields: JsonObject = {}
  #planned: PlannedMachine | undefined
  #ctx: MachineContext | undefined

  constructor(private readonly options: ServeOptions) {}

  get driverName(): string {
    return this.options.driverName
  }

  get name(): string {
    return text(this.#fields['MachineName'])
  }

  /** Takes over a state that a host has saved; keys that it lacks stay. @throws MachineError `plugin` when it is no JSON object */
  load(json: string): void {
    this.#fields = { ...this.#fields, ...stateObject(json, 'plugin') }
    this.#ctx = undefined
  }

  /** The state for a host to save. It holds no secret. */
  state(): string {
    const { factory } = this.options
    const record = this.#planned?.record ?? this.#record()
    if (!record) return JSON.stringify(this.#fields)
    const ledger = this.#planned?.record.ledger ?? currentLedger(record, factory.record)
    return JSON.stringify({ ...this.#fields, ...servedState(record, ledger, factory.record) })
  }

  /** Chooses what a new machine will be. @throws MachineError `usage` */
  async plan(values: PluginFlagValues): Promise<void> {
    this.#planned = await planServed(this.#context, this.options.factory, this.name, values)
  }

  async check(): Promise<void> {
    this.#planned = await checkServed(this.#context, this.#requirePlan())
  }

  /** Makes it. From here on the record is what counts, also when this fails. */
  async create(): Promise<void> {
    const planned = this.#requirePlan()
    try {
      await createServed(this.#context, planned)
    } finally {
      if (this.#context.store.read(this.name).ledger) this.#planned = undefined
    }
  }

  /** The machine, for questions that its record answers. */
  async open(options: OpenOptions = { secrets: false }): Promise<OpenMachine> {
    const record = this.#planned?.record ?? this.#record()
    if (!record)
      throw new MachineError('not-found', `"${this.name}" was not made yet`, { machine: this.name })
    return await openRecord(this.#context, record, options)
  }

  async powerState(): Promise<MachineState> {
    // Nothing is there that could have a state.
    if (this.#planned) return ''
    const open = await this.open({ secrets: true })
    const { signal, clock } = this.#context
    const ask = (limit: AbortSignal): Promise<MachineState> => machineState(open, limit)
    return await withDeadline(`the state of ${this.name}`, STATE_MS, ask, { signal, clock })
  }

  async start(): Promise<void> {
    await startServed(await this.#recorded(), this.name)
  }

  async stop(verb: 'stop' | 'kill'): Promise<void> {
    await stopServed(await this.#recorded(), this.name, verb)
  }

  async restart(): Promise<void> {
    await restartServed(await this.#recorded(), this.name)
  }

  /** Removes everything that was made. The machine's directory is the host's to remove, if it has one. */
  async remove(): Promise<void> {
    if (this.#planned || !this.#record()) return
    const isOurs = !this.#context.store.exists(this.name)
    const ctx = await this.#recorded()
    await removeMade(ctx, this.name)
    if (isOurs) await ctx.store.remove(this.name)
  }

  /** The context, with the machine's record in its store: what a host knows by the state alone is written down first. */
  async #recorded(): Promise<MachineContext> {
    const open = await this.open()
    const { record, ledger, factory } = open
    if (!record.ledger) await writeLedgerBeside(this.#context, { ...record, ledger }, factory.record)
    return this.#context
  }

  #record(): ReturnType<typeof recordOfState> {
    if (this.name === '' || !this.#fields['StorePath']) return undefined
    return recordOfState(this.#context, this.#fields, this.driverName)
  }

  #requirePlan(): PlannedMachine {
    if (this.#planned) return this.#planned
    throw new MachineError('plugin', `No flags were given for "${this.name}", or it is made already`)
  }

  get #context(): MachineContext {
    const store = text(this.#fields['StorePath'])
    if (store === '')
      throw new MachineError('plugin', 'The host did not say where its store is (StorePath is empty)')
    return (this.#ctx ??= this.options.contextAt(store))
  }
}

function text(value: JsonObject[string] | undefined): string {
  return typeof value === 'string' ? value : ''
}
