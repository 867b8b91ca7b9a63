import { rename, rm, writeFile } from 'node:fs/promises'
import type { BootImageFiles, DriverDeps, DriverEvent, DriverMachine } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { type Pending, pending, waitFor } from '../../util/wait.js'
import { type Accelerator, TCG } from './accelerators.js'
import { uuidOf, vmArgv } from './argv.js'
import { readConfig } from './config.js'
import { driverError } from './failure.js'
import { addManualForwards } from './forwards.js'
import { machineFiles, type VmSockets, vmSockets } from './layout.js'
import { networkOf } from './network-choice.js'
import { type Network, openNetwork } from './network.js'
import { isRunning, signalProcess, startDetached, type VmProcess } from './process.js'
import { inspectQemu } from './qemu-program.js'
import { QmpClient } from './qmp.js'
import { chooseAccelerator } from './verdicts.js'
import { readVm, runningVm, type VmRecord, vmResource } from './vm-record.js'

const MONITOR_MS = 20_000
const END_MS = 10_000
/** Longest path of a Unix socket that QEMU takes (sun_path without its end; macOS has the smaller one). */
const MAX_SOCKET_PATH = process.platform === 'darwin' ? 103 : 107
const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'

/** Starts a machine's VM unless it runs. The VM is announced before QEMU is started and confirmed with pid and ports. */
export async function* startVm(
  deps: DriverDeps,
  machine: DriverMachine,
  image: BootImageFiles | undefined,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  if (runningVm(machine) && readVm(machine.resources).pid > 0) return
  await endForgotten(machine)
  const config = readConfig(machine.config)
  const program = await inspectQemu(config.program, deps.cacheDir, signal)
  const accelerator = await chooseAccelerator(config.accel, program, deps, signal)
  if (accelerator === TCG)
    yield { type: 'log', level: 'info', text: 'No hardware virtualisation: the VM is emulated and slow' }
  const files = machineFiles(machine.dir)
  const sockets = shortSockets(vmSockets(await deps.runtimeDir(machine.id)))
  const last = readVm(machine.resources)
  const announced: VmRecord = {
    ...last,
    ...{ pid: 0, startTime: '', bootId: '', accel: accelerator.name },
    ...{ control: sockets.control, forwarder: sockets.forwarder },
  }
  yield { type: 'intent', resource: vmResource(machine.id, 'intended', announced) }
  signal.throwIfAborted()
  await freshLogs(machine.dir)

  const session: Session = { deps, machine, accelerator, sockets, logPath: files.log, vm: undefined }
  const network = openNetwork(networkOf(config.network), {
    ...{ id: machine.id, config, sockets, files, last, clock: deps.clock, patience: accelerator.patience },
    alive: () => session.vm !== undefined && isRunning(session.vm, uuidOf(machine.id)),
  })
  const warnings: string[] = []
  try {
    await network.before?.(signal)
    const sandbox = program.sandbox && !network.netdev().startsWith('bridge') ? { sandbox: SANDBOX } : {}
    const plan = { name: machine.name, id: machine.id, config, accelerator, files, sockets, ...sandbox }
    const argv = vmArgv({ ...plan, ...(image ? { image } : {}), netdev: network.netdev() })
    session.vm = await startDetached(program.path, argv, files.log)
    await waitForMonitor(session, signal)
    const link = await network.after(signal, (text) => warnings.push(text))
    warnings.push(...(await addManualForwards(files, sockets.control, signal)))
    yield { type: 'made', resource: vmResource(machine.id, 'made', { ...announced, ...session.vm, ...link }) }
  } catch (error) {
    await abandon(session, network)
    throw error
  }
  yield* warnings.map((text): DriverEvent => ({ type: 'log', level: 'warn', text }))
}

interface Session {
  readonly deps: DriverDeps
  readonly machine: DriverMachine
  readonly accelerator: Accelerator
  readonly sockets: VmSockets
  readonly logPath: string
  vm: VmProcess | undefined
}

/** A QEMU that an earlier run started and had no time to record: its ports are unknown, so it is ended. */
async function endForgotten(machine: DriverMachine): Promise<void> {
  const forgotten = runningVm(machine)
  if (forgotten) await endProcess(forgotten, uuidOf(machine.id))
}

async function abandon(session: Session, network: Network): Promise<void> {
  if (session.vm) await endProcess(session.vm, uuidOf(session.machine.id))
  network.abandon?.()
}

/** Not abortable: a process that we started must not stay behind. */
async function endProcess(vm: VmProcess, mark: string): Promise<void> {
  signalProcess(vm, mark, 'SIGKILL')
  await waitFor('QEMU to end', () => Promise.resolve(isRunning(vm, mark) ? undefined : true), {
    deadlineMs: END_MS,
    intervalMs: 10,
  })
}

/** QEMU is up when it greets; when it ends instead, its own words say why. */
async function waitForMonitor(session: Session, signal: AbortSignal): Promise<void> {
  const { sockets, machine, logPath } = session
  await waitFor(
    'QEMU to start',
    async (probe): Promise<true | Pending> => {
      if (!session.vm || !isRunning(session.vm, uuidOf(machine.id)))
        throw driverError('QEMU ended at once', logPath, [`Its log: ${logPath}`])
      try {
        ;(await QmpClient.connect(sockets.control, probe)).close()
        return true
      } catch (error) {
        probe.throwIfAborted()
        return pending(error instanceof Error ? error.message : String(error))
      }
    },
    { deadlineMs: MONITOR_MS, intervalMs: 20, maxIntervalMs: 250, signal, clock: session.deps.clock },
  )
}

function shortSockets(sockets: VmSockets): VmSockets {
  for (const path of Object.values(sockets) as string[])
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
      throw new MachineError('driver', `The path of a socket is too long for this system: ${path}`, {
        hints: ['Set XDG_RUNTIME_DIR (or TMPDIR) to a folder with a shorter path.'],
      })
  return sockets
}

/** The console file holds one run; the one before it is kept beside. Forwards of containers begin anew. */
async function freshLogs(dir: string): Promise<void> {
  const files = machineFiles(dir)
  await rename(files.console, files.oldConsole).catch(() => undefined)
  await rm(files.log, { force: true })
  await rm(files.forwards, { force: true })
  await writeFile(files.console, '', { mode: 0o600 })
}
