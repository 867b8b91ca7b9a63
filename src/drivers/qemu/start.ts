import { rename, rm, writeFile } from 'node:fs/promises'
import type { BootImageFiles, DriverDeps, DriverEvent, DriverMachine } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { bootId, hostIdentity } from '../../util/process.js'
import { type Pending, pending, waitFor } from '../../util/wait.js'
import { TCG } from './accelerators.js'
import { hardwareOf, uuidOf, vmArgv, type VmPlan } from './argv.js'
import { readConfig } from './config.js'
import { refuseElsewhere, withPidFile } from './elsewhere.js'
import { driverError } from './failure.js'
import { addManualForwards } from './forwards.js'
import { machineFiles, type VmSockets, vmSockets } from './layout.js'
import { networkOf } from './network-choice.js'
import { type Link, type Network, openNetwork } from './network.js'
import { isRunning, signalProcess, startDetached, type VmProcess } from './process.js'
import { inspectQemu, type QemuProgram } from './qemu-program.js'
import { QmpClient } from './qmp.js'
import { INCOMING, letRun, loadMemory, type MemorySource, runOn, savedMemory } from './resume.js'
import { coldHints, processorOf, refuseMisfit } from './saved-memory.js'
import { letBoot } from './template-boot.js'
import type { Template } from './template.js'
import { chooseAccelerator } from './verdicts.js'
import { readVm, runningVm, type VmRecord, vmResource } from './vm-record.js'

const MONITOR_MS = 20_000
const END_MS = 10_000
/** Longest path of a Unix socket that QEMU takes (sun_path without its end; macOS has the smaller one). */
const MAX_SOCKET_PATH = process.platform === 'darwin' ? 103 : 107
const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'

export interface StartWays {
  /** Its data disk is a copy of this template's, and nothing has run on it yet. */
  readonly from?: Template
  /** It is to become a template. */
  readonly template?: boolean
}

/**
 * Starts a machine's VM unless it runs, from its saved memory if there is one. The VM is announced before QEMU is started
 * and confirmed with pid and ports.
 */
export async function* startVm(
  deps: DriverDeps,
  machine: DriverMachine,
  image: BootImageFiles | undefined,
  signal: AbortSignal,
  { from, template }: StartWays = {},
): AsyncIterable<DriverEvent> {
  if (runningVm(machine) && readVm(machine.resources).pid > 0) {
    yield* runOn(deps, machine, signal)
    return
  }
  refuseElsewhere(machine)
  await endForgotten(machine)
  const saved = yield* savedMemory(machine)
  const { vm, ...launch } = await prepareVm(deps, machine, image, signal, template)
  if (saved) refuseMisfit(machine.name, saved, { ...vm, processor: processorOf(vm.accel) })
  else if (launch.plan.accelerator === TCG)
    yield { type: 'log', level: 'info', text: 'No hardware virtualisation: the VM is emulated and slow' }
  const warnings: string[] = []
  const own = saved && { ...saved, path: launch.plan.files.saved, hints: coldHints(machine.name) }
  const memory = from ?? own
  const session: Session = { deps, machine, ...launch, ...(memory ? { memory } : {}), vm: undefined }
  const started = yield* withPidFile(machine, async function* (): AsyncGenerator<DriverEvent, VmRecord> {
    yield { type: 'intent', resource: vmResource(machine.id, 'intended', vm) }
    signal.throwIfAborted()
    await freshLogs(machine.dir, saved !== undefined)
    return { ...vm, ...(await run(session, readVm(machine.resources), warnings, signal)) }
  })
  yield { type: 'made', resource: vmResource(machine.id, 'made', started) }
  if (saved) yield* letRun(deps, machine, started, signal)
  if (from) await letBoot(deps, { ...launch.plan, vm: started, from }, signal)
  yield* warnings.map((text): DriverEvent => ({ type: 'log', level: 'warn', text }))
}

/** All that a command line is made from, except the network, which may have to be started first. */
export type Plan = Omit<VmPlan, 'netdev'>

export interface Launch {
  readonly program: QemuProgram
  readonly plan: Plan
  readonly vm: VmRecord
}

/** How a machine's VM would be started now. */
export async function prepareVm(
  deps: DriverDeps,
  machine: DriverMachine,
  image: BootImageFiles | undefined,
  signal: AbortSignal,
  template = false,
): Promise<Launch> {
  const config = readConfig(machine.config)
  const program = await inspectQemu(config.program, deps.cacheDir, signal)
  const accelerator = await chooseAccelerator(config.accel, program, deps, signal)
  const files = machineFiles(machine.dir)
  const sockets = shortSockets(vmSockets(await deps.runtimeDir(machine.id)))
  const { name, id } = machine
  const plan: Plan = {
    ...{ name, id, config, accelerator, files, sockets, template },
    ...(image ? { image } : {}),
  }
  const { control, forwarder, guest } = sockets
  const { host, hostId } = hostIdentity()
  const vm: VmRecord = {
    ...readVm(machine.resources),
    ...{ pid: 0, startTime: '', bootId: bootId(), host, hostId, accel: accelerator.name },
    ...{ control, forwarder, guest: image ? guest : '' },
    ...{ qemu: program.version, image: image?.digest ?? '' },
    hardware: hardwareOf(vmArgv({ ...plan, netdev: '' })),
  }
  return { program, plan, vm }
}

interface Session extends Omit<Launch, 'vm'> {
  readonly deps: DriverDeps
  readonly machine: DriverMachine
  /** What QEMU starts with instead of the guest's boot. */
  readonly memory?: MemorySource
  vm: VmProcess | undefined
}

/** Starts QEMU and connects it. When that fails nothing of it stays. */
async function run(
  session: Session,
  last: Link,
  warnings: string[],
  signal: AbortSignal,
): Promise<VmProcess & Link> {
  const { deps, machine, plan } = session
  const { config, sockets, files, accelerator } = plan
  const network = openNetwork(networkOf(config.network), {
    ...{ id: machine.id, config, sockets, files, last, clock: deps.clock, patience: accelerator.patience },
    alive: () => session.vm !== undefined && isRunning(session.vm, uuidOf(machine.id)),
  })
  try {
    await network.before?.(signal)
    session.vm = await launch(session, network.netdev())
    await waitForMonitor(session, signal)
    const { memory } = session
    if (memory) await loadMemory(machine, sockets.control, memory, { clock: deps.clock, signal })
    const link = await network.after(signal, (text) => warnings.push(text))
    warnings.push(...(await addManualForwards(files, sockets.control, signal)))
    return { ...session.vm, ...link }
  } catch (error) {
    await abandon(session, network)
    throw error
  }
}

async function launch({ program, plan, memory }: Session, netdev: string): Promise<VmProcess> {
  const sandbox = program.sandbox && !netdev.startsWith('bridge') ? { sandbox: SANDBOX } : {}
  const { log, pid } = plan.files
  const argv = [...vmArgv({ ...plan, ...sandbox, netdev }), '-pidfile', pid]
  return memory
    ? await startDetached(program.path, [...argv, ...INCOMING], log, memory.path)
    : await startDetached(program.path, argv, log)
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
  const { plan, machine } = session
  const { log } = plan.files
  await waitFor(
    'QEMU to start',
    async (probe): Promise<true | Pending> => {
      if (!session.vm || !isRunning(session.vm, uuidOf(machine.id)))
        throw driverError('QEMU ended at once', log, [`Its log: ${log}`])
      try {
        ;(await QmpClient.connect(plan.sockets.control, probe)).close()
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

/**
 * The console file holds one run; the one before it is kept beside. A resumed run goes on. Forwards of containers begin
 * anew.
 */
async function freshLogs(dir: string, resumed: boolean): Promise<void> {
  const files = machineFiles(dir)
  if (!resumed) await rename(files.console, files.oldConsole).catch(() => undefined)
  if (!resumed) await rm(files.console, { force: true })
  await rm(files.log, { force: true })
  await rm(files.forwards, { force: true })
  if (!resumed) await writeFile(files.console, '', { mode: 0o600, flag: 'wx' })
}
