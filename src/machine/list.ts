import type { DriverFactory, StateReport } from '../contracts/driver.js'
import { isMachineError, messageOf } from '../contracts/errors.js'
import type { MachineRecord } from '../contracts/record.js'
import type { MachineState } from '../contracts/state.js'
import { SharedDeadline } from '../util/wait.js'
import { accessHintsFor } from './access-hints.js'
import { sameUrl } from './active.js'
import { urlOf } from './address.js'
import { certificateDaysLeft } from './certificate-age.js'
import type { MachineContext } from './context.js'
import { EnginePorts } from './engine-port.js'
import { versionFailure } from './engine-version.js'
import { ensureTunnel } from './engine-tunnel.js'
import { ListedEngines } from './list-engines.js'
import { filterRecords, isWhole, type ListFilter, stateMatches } from './list-filter.js'
import { brokenRow, type ListRow, type Masters, recordRow } from './list-row.js'
import { inNaturalOrder } from './natural-order.js'
import { openRecord, type OpenMachine, recordedDriver } from './open.js'
import { listedReports, movedText, movedTo } from './state.js'
import { swarmMasters, swarmRole, swarmUrl } from './swarm.js'

export type { ListRow } from './list-row.js'

/** Days before its end from which on a certificate is worth a column. */
const CERTIFICATE_DAYS = 30

export interface ListOptions {
  readonly filters: readonly ListFilter[]
  /** For all answers together; what did not come by then is a `Timeout` row. */
  readonly timeoutMs: number
  /** Names and states are enough: engines are not asked. */
  readonly statesOnly?: boolean
  /** Told at first and after each answer; all rows as far as they are known are there for who asks. */
  readonly progress?: (rows: () => readonly ListRow[]) => void
}

/** All machines with their state now: one state call per driver, all drivers and engines asked side by side. */
export async function listMachines(ctx: MachineContext, options: ListOptions): Promise<readonly ListRow[]> {
  return await new Listing(ctx, options).run()
}

type KnownState = Omit<StateReport, 'id'>

const TIMEOUT: KnownState = { state: 'Timeout' }

class Listing {
  readonly #rows = new Map<string, ListRow>()
  readonly #started: number
  /** One for all machines. */
  readonly #deadline: SharedDeadline
  readonly #engines: ListedEngines
  readonly #ports: EnginePorts
  readonly #factories = new Map<string, Promise<DriverFactory>>()
  readonly #ctx: MachineContext
  #order: readonly string[] = []
  #masters: Masters = new Map()

  constructor(
    ctx: MachineContext,
    private readonly options: ListOptions,
  ) {
    this.#ctx = { ...ctx, drivers: { load: (name, purpose) => this.#load(ctx, name, purpose) } }
    this.#ports = new EnginePorts(ctx.store)
    this.#started = ctx.clock.monotonicMs()
    this.#deadline = new SharedDeadline(Math.max(1, options.timeoutMs), ctx)
    this.#engines = new ListedEngines(ctx, this.#deadline, options.timeoutMs)
  }

  async run(): Promise<readonly ListRow[]> {
    try {
      await this.#fill()
      return this.#sorted()
    } finally {
      this.#deadline.end()
    }
  }

  async #fill(): Promise<void> {
    const everything = this.#ctx.store.readAll()
    this.#masters = swarmMasters(everything.filter(isWhole))
    const records = filterRecords(everything, this.options.filters)
    this.#order = inNaturalOrder(records.map((record) => record.name))
    const byState = this.options.filters.some((filter) => filter.key === 'state')
    for (const record of records)
      if (!isWhole(record)) this.#rows.set(record.name, brokenRow(record))
      else if (!byState) this.#rows.set(record.name, { ...recordRow(record, this.#masters), pending: true })
    this.#tell()
    const groups = grouped(records.filter(isWhole), recordedDriver)
    await Promise.all(groups.map(async (group) => await this.#group(group)))
  }

  /** Each driver is loaded once. */
  async #load(ctx: MachineContext, name: string, purpose?: 'recorded'): Promise<DriverFactory> {
    const loaded = this.#factories.get(name) ?? ctx.drivers.load(name, purpose)
    this.#factories.set(name, loaded)
    return await loaded
  }

  #sorted(): readonly ListRow[] {
    return this.#order.flatMap((name) => this.#rows.get(name) ?? [])
  }

  #tell(): void {
    this.options.progress?.(() => this.#sorted())
  }

  /** Machines of one driver: those of another do not wait until these are open. */
  async #group(records: readonly MachineRecord[]): Promise<void> {
    const opened = await Promise.all(records.map(async (record) => await this.#open(record)))
    const machines = opened.filter((item) => item !== undefined)
    // A plugin, and what stands in for a driver, answers for each machine by itself.
    const groups = grouped(machines, ({ factory, name }) => (factory.capabilities.opaque ? name : factory))
    await Promise.all(groups.map(async (group) => await this.#answered(group)))
  }

  /** Machines that are asked about together. */
  async #answered(machines: readonly OpenMachine[]): Promise<void> {
    const states = await this.#states(machines)
    await Promise.all(
      machines.map(async (open) => {
        const known = states.get(open.machine.id) ?? { state: '' }
        if (this.#keeps(known.state)) this.#put(await this.#liveRow(open, known))
      }),
    )
  }

  #keeps(state: MachineState): boolean {
    return stateMatches(state, this.options.filters)
  }

  /** Made once: its options are copies. */
  #recordRow(record: MachineRecord): ListRow {
    const known = this.#rows.get(record.name)
    if (!known) return recordRow(record, this.#masters)
    const { pending: _pending, ...row } = known
    return row
  }

  #put(row: ListRow): void {
    this.#rows.set(row.name, row)
    this.#tell()
  }

  async #open(record: MachineRecord): Promise<OpenMachine | undefined> {
    try {
      return await this.#deadline.within('the driver', async () => await openRecord(this.#ctx, record))
    } catch (error) {
      const row = this.#recordRow(record)
      const known = this.#failed(error)
      if (!this.#keeps(known.state)) return undefined
      if (known === TIMEOUT) this.#put({ ...row, ...known, responseMs: this.#elapsed() })
      else this.#put({ ...row, ...known, engine: 'Unknown' })
      return undefined
    }
  }

  async #states(machines: readonly OpenMachine[]): Promise<ReadonlyMap<string, KnownState>> {
    const driver = machines[0]?.driver
    const ask = machines.map((open) => open.machine)
    try {
      const reports = await this.#deadline.within('the state', async (signal) =>
        driver ? await listedReports(driver, ask, signal) : [],
      )
      return new Map(reports.map((report) => [report.id, report] as const))
    } catch (error) {
      const known = this.#failed(error)
      return new Map(ask.map((machine) => [machine.id, known] as const))
    }
  }

  #failed(error: unknown): KnownState {
    this.#ctx.signal.throwIfAborted()
    const timedOut = isMachineError(error) && error.code === 'timeout'
    return timedOut ? TIMEOUT : { state: 'Error', error: messageOf(error) }
  }

  #elapsed(): number {
    return Math.round(this.#ctx.clock.monotonicMs() - this.#started)
  }

  async #liveRow(open: OpenMachine, known: KnownState): Promise<ListRow> {
    const ctx = this.#ctx
    const { state, error } = known
    const moved = movedTo(open, { ...known, id: open.machine.id })
    const row = this.#recordRow(open.record)
    if (state === 'Timeout') return { ...row, state, error: failureText(open), responseMs: this.#elapsed() }
    const url = shownUrl(open, state)
    const engine = moved
      ? { version: 'Unknown', error: movedText(open, moved) }
      : await this.#engine(open, state)
    const days = certificateDaysLeft(open, ctx.clock.now())
    const host = ctx.env['DOCKER_HOST']
    return {
      ...row,
      active: url !== '' && sameUrl(url, host),
      activeSwarm: sameUrl(swarmUrl(url, swarmRole(open.record)), host),
      state,
      url,
      engine: engine.version,
      error: failureText(open) || (error ?? engine.error ?? (await this.#forwardFaults(open, state))),
      responseMs: this.#elapsed(),
      ...(days !== undefined && days < CERTIFICATE_DAYS ? { certificateDays: days } : {}),
    }
  }

  async #engine(open: OpenMachine, state: MachineState): Promise<{ version: string; error?: string }> {
    if (state !== 'Running' || this.options.statesOnly) return { version: 'Unknown' }
    try {
      await this.#deadline.within('the way to the engine', () => ensureTunnel(this.#ctx, open, this.#ports))
      return { version: `v${await this.#engines.version(open)}` }
    } catch (error) {
      this.#ctx.signal.throwIfAborted()
      return { version: 'Unknown', error: [versionFailure(error), ...accessHintsFor(open, error)].join('. ') }
    }
  }

  /** Published ports that are taken on this computer: the container runs, but is not reached here. */
  async #forwardFaults(open: OpenMachine, state: MachineState): Promise<string> {
    if (state !== 'Running' || this.options.statesOnly || !open.driver.forwards) return ''
    try {
      const forwards = await this.#deadline.within(
        'the ports',
        async () => (await open.driver.forwards?.(open.machine)) ?? [],
      )
      return forwards.flatMap((forward) => forward.error ?? []).join('; ')
    } catch (error) {
      return this.#failed(error).error ?? ''
    }
  }
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => unknown): readonly (readonly T[])[] {
  const groups = new Map<unknown, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return [...groups.values()]
}

function shownUrl(open: OpenMachine, state: MachineState): string {
  if (state !== 'Running' && state !== '' && !open.factory.absent) return ''
  try {
    const endpoint = open.driver.endpoint(open.machine)
    // Nothing was made yet that could have an address.
    return endpoint.url === undefined && endpoint.engine.host === '' ? '' : urlOf(endpoint)
  } catch {
    return ''
  }
}

/** Why the last create did not finish. */
function failureText(open: OpenMachine): string {
  const failure = open.ledger.failure
  return failure ? `create failed at ${failure.stage}: ${failure.message}` : ''
}
