import { readFileSync } from 'node:fs'
import { rename, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DriverDeps, DriverEvent, DriverMachine } from '../../contracts/driver.js'
import { MachineError, messageOf } from '../../contracts/errors.js'
import { syncDirectory } from '../../util/atomic-file.js'
import { unlessAborted } from '../../util/abort.js'
import { fileError } from '../../util/file-error.js'
import { type Pending, pending, waitFor, withDeadline } from '../../util/wait.js'
import { type QemuConfig, readConfig } from './config.js'
import { partialOf } from './disks.js'
import { writeJsonFile } from './json-file.js'
import { machineFiles, type MachineFiles, vmSockets } from './layout.js'
import { MemoryFile } from './memory-file.js'
import { networkOf } from './network-choice.js'
import { cutPower, gone } from './power.js'
import { type QmpClient, withQmp } from './qmp.js'
import { disksOf, dropSaved, processorOf, SAVED, type SavedInfo } from './saved-memory.js'
import { readVm, runningVm, type VmRecord } from './vm-record.js'

const MB = 1024 * 1024
/** Devices and what QEMU says around the pages. */
const SPARE_BYTES = 16 * MB
/** A slow disk and a large machine. */
const SAVE_MS = 1_800_000
const GO_ON_MS = 10_000
/** No limits: the guest may stand still, and nobody else wants the way. Source: qapi/migration.json */
const PARAMETERS = { 'max-bandwidth': 2 ** 40, 'downtime-limit': 2_000_000 }

/** Why a machine of ours cannot be suspended; the first that holds is told. */
const REFUSALS: readonly (readonly [(config: QemuConfig) => boolean, string])[] = [
  [
    ({ shares }) => shares.length > 0,
    'it has a shared folder, whose open files are on this computer and cannot be saved with its memory',
  ],
  [
    ({ network }) => networkOf(network).mode === 'passt',
    'its network (passt) keeps its connections in a process of this computer, which cannot be saved',
  ],
  [
    ({ network }) => networkOf(network).mode === 'bridge',
    'on a bridge its address is only lent to it, and may be lent to another machine meanwhile',
  ],
]

/**
 * Writes a VM's memory and devices to a file and ends QEMU. The file has its name only once it is whole and on the disk;
 * until then QEMU keeps the machine, and lets it run on when anything fails.
 */
export async function* suspendVm(
  deps: DriverDeps,
  machine: DriverMachine,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  refuse(machine)
  const files = machineFiles(machine.dir)
  const vm = readVm(machine.resources)
  await requireRoom(files, readConfig(machine.config).memory * MB, vm.pid)
  yield { type: 'intent', resource: { ...SAVED, state: 'intended' } }
  signal.throwIfAborted()
  await dropSaved(files)
  const began = deps.clock.monotonicMs()
  let bytes: number
  try {
    bytes = await save(deps, machine, vm, signal)
  } catch (error) {
    // What cannot be removed is no reason to tell of another failure.
    await dropSaved(files).catch(() => undefined)
    yield { type: 'removed', ...SAVED }
    throw error
  }
  await cutPower(machine, deps.clock, signal)
  yield { type: 'made', resource: { ...SAVED, state: 'made', attributes: { bytes } } }
  const seconds = ((deps.clock.monotonicMs() - began) / 1_000).toFixed(1)
  const text = `Its memory takes ${Math.ceil(bytes / MB)} MB of disk, written in ${seconds} s`
  yield { type: 'log', level: 'info', text }
}

function refuse(machine: DriverMachine): void {
  const config = readConfig(machine.config)
  const reason = REFUSALS.find(([holds]) => holds(config))?.[1]
  if (reason !== undefined)
    throw new MachineError('driver', `"${machine.name}" cannot be suspended: ${reason}`, {
      machine: machine.name,
      hints: [`Stop it instead: tsmachine stop ${machine.name}`],
    })
  if (!runningVm(machine))
    throw new MachineError('not-running', `Machine "${machine.name}" is not running`, {
      machine: machine.name,
    })
  if (readVm(machine.resources).hardware === '')
    throw new MachineError(
      'driver',
      `"${machine.name}" was started by an older version, which did not note how`,
      { machine: machine.name, hints: [`Start it anew once: tsmachine restart ${machine.name}`] },
    )
}

/** At most what QEMU holds now, or all of the guest's memory. */
async function requireRoom(files: MachineFiles, memory: number, pid: number): Promise<void> {
  const dir = dirname(files.saved)
  const { bavail, bsize } = await statfs(dir)
  const wanted = Math.min(memory, residentBytes(pid) ?? memory) + SPARE_BYTES
  const free = bavail * bsize
  if (free >= wanted) return
  const [need, have] = [wanted, free].map((bytes) => Math.round(bytes / MB))
  throw new MachineError('driver', `Its memory may need ${need} MB in ${dir}, and ${have} MB are free`, {
    hints: [`Free some space: df -h '${dir}'`],
  })
}

/** Memory that a process has touched; undefined where the system does not tell. Source: proc(5), statm */
function residentBytes(pid: number): number | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
    return Number.isFinite(pages) ? pages * 4096 : undefined
  } catch {
    return undefined
  }
}

async function save(
  deps: DriverDeps,
  machine: DriverMachine,
  vm: VmRecord,
  signal: AbortSignal,
): Promise<number> {
  const files = machineFiles(machine.dir)
  const partial = partialOf(files.saved)
  const memory = await MemoryFile.listen(vmSockets(await deps.runtimeDir(machine.id)).save, partial)
  try {
    const work = (qmp: QmpClient): Promise<number> =>
      orGoOn(qmp, deps.clock, async () => {
        await transfer(qmp, memory, { clock: deps.clock, signal })
        const bytes = await unlessAborted(memory.received, signal)
        await keep(files, vm, bytes)
        return bytes
      })
    return await withQmp(vm.control, NEVER, work, 2 * SAVE_MS)
  } catch (error) {
    throw lostMonitor(error) && (await gone(machine, deps.clock, ENDING_MS, NEVER))
      ? ended(machine, error)
      : error
  } finally {
    await memory.close()
  }
}

/** A QEMU that dies is seen to lose its connection before its process is gone. */
const ENDING_MS = 1_000

function lostMonitor(error: unknown): boolean {
  return messageOf(error).includes('closed its monitor') || messageOf(error).includes('Cannot talk to QEMU')
}

/** The signal ends the transfer by a command of its own, so that the connection must outlive it. */
const NEVER = new AbortController().signal

/** From here on the guest stands still: its disks are written out, and the memory fits them. */
async function keep(files: MachineFiles, vm: VmRecord, bytes: number): Promise<void> {
  const { qemu, hardware, image, accel } = vm
  const info: SavedInfo = {
    schema: 1,
    ...{ qemu, hardware, image, bytes },
    processor: processorOf(accel),
    disks: disksOf(files),
  }
  await writeJsonFile(files.savedInfo, info)
  try {
    await rename(partialOf(files.saved), files.saved)
    await syncDirectory(dirname(files.saved))
  } catch (error) {
    throw fileError('move', partialOf(files.saved), error)
  }
}

type Limits = Pick<DriverDeps, 'clock'> & { readonly signal: AbortSignal }

/** Sends the memory; then the guest stands still. */
async function transfer(qmp: QmpClient, memory: MemoryFile, { clock, signal }: Limits): Promise<void> {
  await qmp.execute('migrate-set-parameters', PARAMETERS)
  await qmp.execute('migrate', { uri: `unix:${memory.socketPath}` })
  // QEMU says nothing while it writes what changed last, and never again when it hangs.
  await waitFor('its memory to be saved', (probe) => unlessAborted(progress(qmp, memory), probe), {
    ...{ deadlineMs: SAVE_MS, intervalMs: 20, maxIntervalMs: 200, signal, clock },
  })
}

/** When anything fails the guest runs on before that is told. */
async function orGoOn<T>(qmp: QmpClient, clock: DriverDeps['clock'], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await letGoOn(qmp, clock)
    throw error
  }
}

/** Source: qapi/migration.json, MigrationStatus */
async function progress(qmp: QmpClient, memory: MemoryFile): Promise<true | Pending> {
  if (memory.failure !== undefined) throw memory.failure
  const { status, 'error-desc': reason } = (await qmp.execute('query-migrate')) as Record<string, string>
  if (status === 'completed') return true
  if (status !== 'failed' && status !== 'cancelled') return pending(`QEMU says: ${status}`)
  throw new MachineError('driver', `QEMU could not save its memory: ${reason ?? status}`)
}

/** Ends what is under way and waits until the guest runs. A failure here hides no reason. */
async function letGoOn(qmp: QmpClient, clock: DriverDeps['clock']): Promise<void> {
  const goOn = async (signal: AbortSignal): Promise<void> => {
    await qmp.execute('migrate_cancel')
    const options = { deadlineMs: GO_ON_MS, intervalMs: 20, clock, signal }
    await waitFor('the guest to run on', () => isRunningAgain(qmp), options)
  }
  try {
    await withDeadline('the guest to run on', GO_ON_MS, goOn)
  } catch {
    // QEMU is gone, or hangs: then it lets the guest run on when its connection to us ends.
  }
}

async function isRunningAgain(qmp: QmpClient): Promise<true | Pending> {
  const { status } = (await qmp.execute('query-status')) as Record<string, string>
  if (status === 'postmigrate' || status === 'paused') await qmp.execute('cont')
  return status === 'running' ? true : pending(String(status))
}

function ended(machine: DriverMachine, cause: unknown): MachineError {
  return new MachineError(
    'driver',
    `QEMU ended while the memory of "${machine.name}" was saved: the machine is stopped, as after a power cut (${messageOf(cause)})`,
    { machine: machine.name, cause, hints: [`tsmachine start ${machine.name}`] },
  )
}
