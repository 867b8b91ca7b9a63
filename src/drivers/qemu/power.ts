import { existsSync } from 'node:fs'
import type { Clock } from '../../contracts/clock.js'
import type { DriverMachine } from '../../contracts/driver.js'
import { MachineError, messageOf } from '../../contracts/errors.js'
import { timeoutSignal } from '../../util/abort.js'
import { type Pending, pending, waitFor } from '../../util/wait.js'
import { accelerator } from './accelerators.js'
import { uuidOf } from './argv.js'
import { consoleTail } from './console.js'
import { dropPidFile, refuseElsewhere } from './elsewhere.js'
import { machineFiles } from './layout.js'
import { refuseHeld } from './no-room.js'
import { signalProcess } from './process.js'
import { withQmp } from './qmp.js'
import { readVm, runningVm } from './vm-record.js'

/** More than the guest allows itself: half a minute each for containers and engine, and what it writes back. */
const STOP_MS = 90_000
/** A guest that was still booting did not hear the power button: it is pressed again. */
const PRESS_AGAIN_MS = 4_000
const QUIT_MS = 2_000
const KILL_MS = 10_000

/**
 * Presses the power button and waits until QEMU is gone.
 * @throws MachineError `timeout` with the console's end when the guest does not power off
 */
export async function powerOff(machine: DriverMachine, clock: Clock, signal: AbortSignal): Promise<void> {
  refuseElsewhere(machine)
  const { control, accel } = readVm(machine.resources)
  await refuseHeld(machine, 'stop', signal)
  let pressedAt = -Infinity
  await waitFor(
    `"${machine.name}" to power off`,
    async (probe): Promise<true | Pending> => {
      if (!runningVm(machine)) return true
      if (clock.monotonicMs() - pressedAt < PRESS_AGAIN_MS) return pending('the guest is still running')
      const refusal = await press(machine, control, probe)
      if (!runningVm(machine)) return true
      // One that has heard the button takes its socket away a moment before it is gone.
      if (refusal?.socketIsLost && pressedAt === -Infinity) throw lostSocket(machine, control, refusal.cause)
      if (refusal !== undefined) return pending(messageOf(refusal.cause))
      pressedAt = clock.monotonicMs()
      return pending('the power button was pressed')
    },
    {
      deadlineMs: STOP_MS * accelerator(accel).patience,
      maxIntervalMs: 500,
      signal,
      clock,
      hints: [`Cut its power: tsmachine kill ${machine.name}`],
      evidence: () => consoleTail(machineFiles(machine.dir).console, 2_000),
    },
  )
}

interface Refusal {
  readonly cause: unknown
  readonly socketIsLost: boolean
}

/** Returns why it could not be pressed: QEMU may be ending already. A paused guest hears no button. */
async function press(
  machine: DriverMachine,
  control: string,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  try {
    await withQmp(control, signal, async (qmp) => {
      await qmp.execute('cont')
      await qmp.execute('system_powerdown')
    })
    return undefined
  } catch (cause) {
    return { cause, socketIsLost: runningVm(machine) !== undefined && !existsSync(control) }
  }
}

/** The system removes a user's runtime directory when their last session ends. */
function lostSocket(machine: DriverMachine, control: string, cause: unknown): MachineError {
  return new MachineError(
    'driver',
    `QEMU of "${machine.name}" runs, but its control socket ${control} is gone`,
    {
      machine: machine.name,
      hints: [
        `Switch it off from inside: tsmachine ssh ${machine.name} -- sudo poweroff`,
        'To keep the socket when you log out: loginctl enable-linger',
      ],
      cause,
    },
  )
}

/** Cuts the power: QEMU is asked to end, so that it writes out what it holds, and ended when it does not. */
export async function cutPower(
  machine: Pick<DriverMachine, 'id' | 'name' | 'dir' | 'resources'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  refuseElsewhere(machine)
  if (!runningVm(machine)) return
  const { control } = readVm(machine.resources)
  const asked = await quit(control, signal)
  if (asked && (await gone(machine, clock, QUIT_MS, signal))) return
  const vm = runningVm(machine)
  if (vm) signalProcess(vm, uuidOf(machine.id), 'SIGKILL')
  if (await gone(machine, clock, KILL_MS, signal)) return dropPidFile(machine)
  throw new MachineError('driver', `QEMU of "${machine.name}" does not end (pid ${vm?.pid ?? 'unknown'})`)
}

async function quit(control: string, signal: AbortSignal): Promise<boolean> {
  if (control === '') return false
  try {
    await withQmp(control, AbortSignal.any([signal, timeoutSignal(QUIT_MS)]), (qmp) => qmp.execute('quit'))
    return true
  } catch (error) {
    signal.throwIfAborted()
    // It may have ended before it answered.
    return messageOf(error).includes('closed its monitor')
  }
}

/** Whether QEMU ends within the time. */
export async function gone(
  machine: Pick<DriverMachine, 'id' | 'resources'>,
  clock: Clock,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await waitFor('QEMU to end', () => Promise.resolve(runningVm(machine) ? undefined : true), {
      ...{ deadlineMs, intervalMs: 20, maxIntervalMs: 200, signal, clock },
    })
  } catch {
    signal.throwIfAborted()
    return false
  }
}
