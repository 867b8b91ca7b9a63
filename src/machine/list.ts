import type { DriverMachine } from '../contracts/driver.js'
import { isMachineError, messageOf } from '../contracts/errors.js'
import type { BrokenRecord, MachineRecord } from '../contracts/record.js'
import type { MachineState } from '../contracts/state.js'
import { withDeadline } from '../util/wait.js'
import { sameUrl } from './active.js'
import { urlOf } from './address.js'
import { certificateDaysLeft } from './certificate-age.js'
import type { MachineContext } from './context.js'
import { engineVersion } from './engine-version.js'
import { filterRecords, filterRows, type ListFilter } from './list-filter.js'
import { mapBounded } from '../util/bounded.js'
import { openRecord, type OpenMachine } from './open.js'

const PROBES_AT_ONCE = 64

/** One line of `ls`. */
export interface ListRow {
  readonly name: string
  readonly active: boolean
  readonly driver: string
  readonly state: MachineState
  readonly url: string
  /** `v26.1.5`, `Unknown`, or empty when it was not asked. */
  readonly engine: string
  readonly error: string
  /** Days until the server certificate ends, when it is under 30. */
  readonly certificateDays?: number
  readonly labels: readonly string[]
  readonly responseMs: number
}

export interface ListOptions {
  readonly filters: readonly ListFilter[]
  /** For state and engine of one machine; a machine that does not answer in it is a `Timeout` row. */
  readonly timeoutMs: number
}

/** All machines with their state now: one state call per driver, engines asked side by side. */
export async function listMachines(ctx: MachineContext, options: ListOptions): Promise<readonly ListRow[]> {
  const records = filterRecords(ctx.store.readAll(), options.filters)
  const broken = records.filter((record): record is BrokenRecord => 'error' in record).map(brokenRow)
  const opened = await Promise.all(records.filter(isWhole).map(async (record) => await open(ctx, record)))
  const states = await statesOf(
    ctx,
    opened.flatMap((item) => ('row' in item ? [] : [item])),
    options.timeoutMs,
  )
  const rows = await mapBounded(opened, PROBES_AT_ONCE, async (item) =>
    'row' in item ? item.row : await liveRow(ctx, item, states.get(item.machine.id), options.timeoutMs),
  )
  return [...broken, ...filterRows(rows, options.filters)].sort((a, b) => naturalOrder(a.name, b.name))
}

function isWhole(record: MachineRecord | BrokenRecord): record is MachineRecord {
  return !('error' in record)
}

async function open(ctx: MachineContext, record: MachineRecord): Promise<OpenMachine | { row: ListRow }> {
  try {
    return await openRecord(ctx, record)
  } catch (error) {
    return { row: errorRow(record.name, 'not-found', 'Unknown', messageOf(error)) }
  }
}

interface KnownState {
  readonly state: MachineState
  readonly error?: string
}

/** One call per driver for all its machines (per account, once drivers have several). */
async function statesOf(
  ctx: MachineContext,
  machines: readonly OpenMachine[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, KnownState>> {
  const groups = new Map<string, OpenMachine[]>()
  for (const machine of machines)
    groups.set(machine.factory.name, [...(groups.get(machine.factory.name) ?? []), machine])
  const answers = await Promise.all(
    [...groups.values()].map(async (group) => await groupStates(ctx, group, timeoutMs)),
  )
  return new Map(answers.flat())
}

async function groupStates(
  ctx: MachineContext,
  group: readonly OpenMachine[],
  timeoutMs: number,
): Promise<(readonly [string, KnownState])[]> {
  const machines: readonly DriverMachine[] = group.map((open) => open.machine)
  const driver = group[0]?.driver
  try {
    const reports = await withDeadline(
      'the state of machines',
      timeoutMs,
      async (signal) => (await driver?.states(machines, signal)) ?? [],
      { signal: ctx.signal },
    )
    return reports.map((report) => [report.id, report] as const)
  } catch (error) {
    ctx.signal.throwIfAborted()
    const timedOut = isMachineError(error) && error.code === 'timeout'
    const known: KnownState = timedOut ? { state: 'Timeout' } : { state: 'Error', error: messageOf(error) }
    return machines.map((machine) => [machine.id, known] as const)
  }
}

async function liveRow(
  ctx: MachineContext,
  open: OpenMachine,
  known: KnownState | undefined,
  timeoutMs: number,
): Promise<ListRow> {
  const started = ctx.clock.monotonicMs()
  const state = known?.state ?? ''
  const url = state === 'Timeout' ? '' : shownUrl(open, state)
  const engine = await engineCell(ctx, open, state, timeoutMs)
  const days = await certificateDaysLeft(open, ctx.clock.now())
  return {
    name: open.name,
    active: url !== '' && sameUrl(url, ctx.env['DOCKER_HOST']),
    driver: open.factory.name,
    state,
    url,
    engine: engine.version,
    error: failureText(open) || (known?.error ?? engine.error ?? (await forwardFaults(open, state))),
    labels: open.record.config.HostOptions.EngineOptions.Labels ?? [],
    responseMs: Math.round(ctx.clock.monotonicMs() - started),
    ...(days !== undefined && days < 30 ? { certificateDays: days } : {}),
  }
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

async function engineCell(
  ctx: MachineContext,
  open: OpenMachine,
  state: MachineState,
  timeoutMs: number,
): Promise<{ version: string; error?: string }> {
  if (state === 'Timeout') return { version: '' }
  if (state !== 'Running') return { version: 'Unknown' }
  try {
    return { version: `v${await engineVersion(ctx, open, timeoutMs)}` }
  } catch (error) {
    ctx.signal.throwIfAborted()
    return { version: 'Unknown', error: messageOf(error) }
  }
}

/** Published ports that are taken on this computer: the container runs, but is not reached here. */
async function forwardFaults(open: OpenMachine, state: MachineState): Promise<string> {
  if (state !== 'Running') return ''
  const forwards = (await open.driver.forwards?.(open.machine)) ?? []
  return forwards.flatMap((forward) => (forward.error === undefined ? [] : [forward.error])).join('; ')
}

/** Why the last create did not finish. */
function failureText(open: OpenMachine): string {
  const failure = open.ledger.failure
  return failure ? `create failed at ${failure.stage}: ${failure.message}` : ''
}

function brokenRow(record: BrokenRecord): ListRow {
  return errorRow(record.name, 'not found', '', record.error)
}

function errorRow(name: string, driver: string, engine: string, error: string): ListRow {
  const row = {
    name,
    active: false,
    driver,
    state: 'Error' as const,
    url: '',
    engine,
    error,
    labels: [],
    responseMs: 0,
  }
  return row
}

/** Lower-cased natural order: a2 before a10. No Intl: its first use costs more than the whole listing. */
export function naturalOrder(a: string, b: string): number {
  const left = pieces(a)
  const right = pieces(b)
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const order = comparePieces(left[index] ?? '', right[index] ?? '')
    if (order !== 0) return order
  }
  return a < b ? -1 : a > b ? 1 : 0
}

function pieces(name: string): string[] {
  return name.toLowerCase().match(/\d+|\D+/g) ?? []
}

function comparePieces(a: string, b: string): number {
  const numbers = /^\d/.test(a) && /^\d/.test(b) ? Number(a) - Number(b) : 0
  if (numbers !== 0) return numbers
  return a < b ? -1 : a > b ? 1 : 0
}

/** Names only, as `ls -q`: directory order, machines that cannot be loaded left out, no driver asked. */
export function listNames(ctx: MachineContext, filters: readonly ListFilter[] = []): readonly string[] {
  return filterRecords(ctx.store.readAll(), filters).flatMap((record) =>
    'error' in record ? [] : [record.name],
  )
}
