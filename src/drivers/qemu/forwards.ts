import type { DriverMachine } from '../../contracts/driver.js'
import type { PortForward, WantedForward } from '../../contracts/forwards.js'
import { MachineError, messageOf } from '../../contracts/errors.js'
import type { Json } from '../../contracts/json.js'
import { timeoutSignal } from '../../util/abort.js'
import { writeFileAtomic } from '../../util/atomic-file.js'
import { readJsonFile, writeJsonFile } from './json-file.js'
import { type MachineFiles, machineFiles } from './layout.js'
import { GUEST_ENGINE_PORT, GUEST_SSH_PORT } from './network-user.js'
import { addForward, removeForward } from './ports.js'
import { withQmp } from './qmp.js'
import { readVm, runningVm } from './vm-record.js'

const ADD_MS = 10_000

/** Forwarded ports of a running machine: our own two, those added by hand, and the containers' (from the forwarder). */
export function forwardsOf(machine: DriverMachine): readonly PortForward[] {
  if (!runningVm(machine)) return []
  const files = machineFiles(machine.dir)
  const { sshPort, enginePort } = readVm(machine.resources)
  return [
    { protocol: 'tcp', guestPort: GUEST_SSH_PORT, hostPort: sshPort, source: 'ssh' },
    { protocol: 'tcp', guestPort: GUEST_ENGINE_PORT, hostPort: enginePort, source: 'engine' },
    ...manualForwards(files).map((forward): PortForward => ({ ...forward, source: 'manual' })),
    ...containerForwards(files),
  ]
}

/**
 * Adds a forward by hand and keeps it for later starts.
 * @throws MachineError `not-running`; `driver` when the port is taken
 */
export async function addByHand(machine: DriverMachine, wanted: WantedForward): Promise<void> {
  if (!runningVm(machine)) throw new MachineError('not-running', `Machine "${machine.name}" is not running`)
  const files = machineFiles(machine.dir)
  if (forwardsOf(machine).some((forward) => sameForward(forward, wanted) && forward.error === undefined))
    return
  const hostPort = await withQmp(
    readVm(machine.resources).control,
    timeoutSignal(ADD_MS),
    async (qmp) => await addForward(qmp, wanted),
  )
  const others = manualForwards(files).filter((forward) => !sameForward(forward, wanted))
  await writeJsonFile(files.manualForwards, [...others, { ...wanted, hostPort }])
}

/**
 * Takes back a forward that was added by hand, whether the machine runs or not.
 * @throws MachineError `driver` when there is none such
 */
export async function removeByHand(machine: DriverMachine, unwanted: WantedForward): Promise<void> {
  const files = machineFiles(machine.dir)
  const kept = manualForwards(files).filter((forward) => !sameForward(forward, unwanted))
  if (kept.length === manualForwards(files).length)
    throw new MachineError(
      'driver',
      `No forward by hand leads from ${unwanted.hostPort} to ${unwanted.guestPort}`,
      {
        hints: [`tsmachine forward ${machine.name}`],
      },
    )
  if (runningVm(machine))
    await withQmp(readVm(machine.resources).control, timeoutSignal(ADD_MS), (qmp) =>
      removeForward(qmp, unwanted),
    )
  await writeJsonFile(files.manualForwards, kept)
}

/** Makes the forwards again that were added by hand; returns a warning for each that cannot be had. */
export async function addManualForwards(
  files: MachineFiles,
  control: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const wanted = manualForwards(files)
  if (wanted.length === 0) return []
  const warnings: string[] = []
  await withQmp(control, signal, async (qmp) => {
    for (const forward of wanted) {
      try {
        await addForward(qmp, forward)
      } catch (error) {
        warnings.push(messageOf(error))
      }
    }
  })
  return warnings
}

function sameForward(a: WantedForward, b: WantedForward): boolean {
  return a.protocol === b.protocol && a.hostPort === b.hostPort && a.guestPort === b.guestPort
}

function manualForwards(files: MachineFiles): readonly WantedForward[] {
  return rows(readJsonFile(files.manualForwards)).filter(isForward)
}

/** What the forwarder wrote last. */
export function containerForwards(files: Pick<MachineFiles, 'forwards'>): readonly PortForward[] {
  return rows(readJsonFile(files.forwards)).filter(
    (row): row is Json & PortForward => isForward(row) && 'source' in row,
  )
}

/** Tells `forwards` what the forwarder did. Makes no folder: that of a machine which was just removed must not come back. */
export async function writeContainerForwards(path: string, forwards: readonly PortForward[]): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(forwards, undefined, 2)}\n`)
}

function rows(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}

function isForward(row: Json): row is Json & WantedForward {
  return (
    typeof row === 'object' &&
    row !== null &&
    'protocol' in row &&
    typeof row['hostPort'] === 'number' &&
    typeof row['guestPort'] === 'number'
  )
}
