import type { DriverMachine, StateReport } from '../../contracts/driver.js'
import type { MachineState } from '../../contracts/state.js'
import { timeoutSignal } from '../../util/abort.js'
import { consoleTail, panicOnConsole } from './console.js'
import { elsewhereText, otherComputer } from './elsewhere.js'
import { machineFiles } from './layout.js'
import { NO_ROOM, noRoomText, statusOf } from './no-room.js'
import { withQmp } from './qmp.js'
import { usableMemory } from './saved-memory.js'
import { readVm, resourceOf, runningVm } from './vm-record.js'

const ASK_MS = 1_000

/** State from this computer's processes alone. */
export function localState(machine: DriverMachine): MachineState {
  if (runningVm(machine)) return 'Running'
  if (otherComputer(machine) !== undefined) return 'Error'
  if (usableMemory(machine.resources, machineFiles(machine.dir))) return 'Saved'
  return resourceOf(machine.resources, 'vm') ? 'Stopped' : ''
}

/** QEMU's run states that are not plainly "running". Source: qapi/run-state.json, RunState */
const RUN_STATES: Readonly<Record<string, MachineState>> = {
  paused: 'Paused',
  postmigrate: 'Paused',
  prelaunch: 'Paused',
  suspended: 'Saved',
  shutdown: 'Stopping',
  'internal-error': 'Error',
  [NO_ROOM]: 'Paused',
  'guest-panicked': 'Error',
}

/** State with what QEMU and the guest's console say. QEMU not answering is no news: its process runs. */
export async function fullState(machine: DriverMachine, signal: AbortSignal): Promise<StateReport> {
  const local = localState(machine)
  const host = otherComputer(machine)
  if (local === 'Error' && host !== undefined)
    return { id: machine.id, state: local, error: elsewhereText(host) }
  if (local !== 'Running') return { id: machine.id, state: local }
  const panic = panicOnConsole(consoleTail(machineFiles(machine.dir).console))
  if (panic !== undefined) return { id: machine.id, state: 'Error', error: panic }
  const status = await runState(readVm(machine.resources).control, signal)
  const state = RUN_STATES[status] ?? 'Running'
  const error = status === NO_ROOM ? noRoomText(machine.dir) : `QEMU says: ${status}`
  return { id: machine.id, state, ...(state === 'Error' || status === NO_ROOM ? { error } : {}) }
}

async function runState(control: string, signal: AbortSignal): Promise<string> {
  try {
    const limited = AbortSignal.any([signal, timeoutSignal(ASK_MS)])
    return statusOf(await withQmp(control, limited, (qmp) => qmp.execute('query-status')))
  } catch {
    signal.throwIfAborted()
    return ''
  }
}
