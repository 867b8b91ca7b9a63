import { existsSync } from 'node:fs'
import type { Clock } from '../../contracts/clock.js'
import type { DriverDeps, DriverEvent, DriverMachine } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { unlessAborted } from '../../util/abort.js'
import { type Pending, pending, waitFor } from '../../util/wait.js'
import { driverError } from './failure.js'
import { tellGuest } from './guest-line.js'
import { machineFiles } from './layout.js'
import { NO_ROOM, refuseNoRoom, statusOf } from './no-room.js'
import { type QmpClient, withQmp } from './qmp.js'
import { dropSaved, fitsDisks, readSaved, SAVED, type SavedInfo } from './saved-memory.js'
import { readVm, resourceOf, type VmRecord } from './vm-record.js'

/** Loading is bound to the disk; the slowest that we think of. */
const LOAD_MS_PER_MB = 100
const LOAD_MS = 60_000
const ANSWER_MS = 2_000
/** Words that make QEMU wait for a saved memory, which is its descriptor 3. */
export const INCOMING = ['-S', '-incoming', 'defer']

/** The memory to start with. What no longer fits its disk is removed and told of: nothing can use it. */
export async function* savedMemory(
  machine: DriverMachine,
): AsyncGenerator<DriverEvent, SavedInfo | undefined> {
  if (!resourceOf(machine.resources, SAVED.kind)) return undefined
  const files = machineFiles(machine.dir)
  const saved = readSaved(files)
  if (saved && fitsDisks(saved)) return saved
  const text = saved
    ? 'Its disk has changed since it was suspended: it starts without what was in its memory'
    : 'What it was suspended to is not whole: it starts without what was in its memory'
  if (existsSync(files.saved)) yield { type: 'log', level: 'warn', text }
  await dropSaved(files)
  yield { type: 'removed', ...SAVED }
  return undefined
}

/** A file with a VM's memory. */
export interface MemorySource {
  readonly path: string
  readonly bytes: number
  /** What to do when it cannot be loaded. */
  readonly hints: readonly string[]
}

/** Loads the memory into a QEMU that waits for it; the guest stands still. */
export async function loadMemory(
  machine: DriverMachine,
  control: string,
  saved: MemorySource,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const deadlineMs = LOAD_MS + (saved.bytes / 1024 / 1024) * LOAD_MS_PER_MB
  const load = async (qmp: QmpClient): Promise<void> => {
    await qmp.execute('migrate-incoming', { uri: 'fd:3' })
    const options = { deadlineMs, intervalMs: 20, maxIntervalMs: 100, signal, clock }
    await waitFor('QEMU to load its memory', (probe) => unlessAborted(loaded(qmp), probe), options)
  }
  try {
    await withQmp(control, signal, load, LOAD_MS + deadlineMs)
  } catch {
    signal.throwIfAborted()
    throw driverError(
      `QEMU could not load the saved memory of "${machine.name}"`,
      machineFiles(machine.dir).log,
      saved.hints,
    )
  }
}

async function loaded(qmp: QmpClient): Promise<true | Pending> {
  const { status } = (await qmp.execute('query-migrate')) as Record<string, string>
  if (status === 'completed') return true
  if (status === 'failed') throw new MachineError('driver', 'QEMU refused it')
  return pending(`QEMU says: ${status ?? 'nothing yet'}`)
}

/**
 * Lets a guest run whose memory QEMU holds: after it was loaded, or where a suspend was cut after it was saved. The file
 * is removed only then; from the guest's first write to its disk on it fits no more.
 */
export async function* letRun(
  deps: DriverDeps,
  machine: DriverMachine,
  { control, guest }: Pick<VmRecord, 'control' | 'guest'>,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  await withQmp(control, signal, (qmp) => qmp.execute('cont'))
  const answer = await tellTime(deps, guest, signal)
  await dropSaved(machineFiles(machine.dir))
  yield { type: 'removed', ...SAVED }
  if (!answer) yield { type: 'log', level: 'debug', text: 'The guest sets its clock by itself' }
}

/** A VM that stands still although its processors are not at fault. Source: qapi/run-state.json, RunState */
const STANDING: ReadonlySet<string> = new Set(['paused', 'postmigrate', 'prelaunch', NO_ROOM])

/** Lets a VM run on that somebody paused, that had no room for its disk, or whose suspend or resume was cut. */
export async function* runOn(
  deps: DriverDeps,
  machine: DriverMachine,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  const vm = readVm(machine.resources)
  const status = statusOf(await withQmp(vm.control, signal, (qmp) => qmp.execute('query-status')))
  refuseNoRoom(machine, status, 'start')
  if (STANDING.has(status)) yield* letRun(deps, machine, vm, signal)
}

/** The guest's clock stood still with it. One that has no line to us (a cloud image) has a time service. */
async function tellTime(deps: DriverDeps, guest: string, signal: AbortSignal): Promise<boolean> {
  if (guest === '') return true
  const seconds = Math.round(deps.clock.now().getTime() / 1_000)
  return await tellGuest(guest, `clock ${seconds}`, { deadlineMs: ANSWER_MS, signal })
}
