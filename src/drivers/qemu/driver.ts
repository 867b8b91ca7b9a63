import type {
  BootImageFiles,
  ConsoleOptions,
  Driver,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  Endpoint,
  MachineSpec,
  PreflightFault,
  SeedDocuments,
  StateReport,
} from '../../contracts/driver.js'
import type { EngineClientFiles, PortForward, WantedForward } from '../../contracts/forwards.js'
import { MachineError } from '../../contracts/errors.js'
import type { Resource } from '../../contracts/record.js'
import type { LocalProcess, MachineState } from '../../contracts/state.js'
import { mapBounded } from '../../util/bounded.js'
import { accelerator } from './accelerators.js'
import { readConfig } from './config.js'
import { consoleLines } from './console.js'
import { copyDisk, makeDataDisk, makeRootDisk } from './disks.js'
import { refuseElsewhere } from './elsewhere.js'
import { startForwarder } from './forwarder-start.js'
import { addByHand, forwardsOf, removeByHand } from './forwards.js'
import { machineFiles } from './layout.js'
import { networkOf } from './network-choice.js'
import { GUEST_ENGINE_PORT } from './network-user.js'
import { GUEST_ADDRESS } from './ports.js'
import { cutPower, powerOff } from './power.js'
import { preflight } from './preflight.js'
import { removeMachine } from './remove.js'
import { dropSaved, SAVED } from './saved-memory.js'
import { sealSeed, writeSeed } from './seed.js'
import { startVm } from './start.js'
import { fullState, localState } from './state.js'
import { suspendVm } from './suspend.js'
import { templateAttributes, templateFor } from './template-make.js'
import { readVm, resourceOf, runningVm } from './vm-record.js'

const SSH_USER = 'docker'
const STATES_AT_ONCE = 16

/** Driver `qemu`: a VM on this computer, a child of nobody, found again through its record. */
export class QemuDriver implements Driver {
  readonly #deps: DriverDeps

  constructor(deps: DriverDeps) {
    this.#deps = deps
  }

  async preflight(spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]> {
    return await preflight(this.#deps, spec, signal)
  }

  async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    const config = readConfig(spec.config)
    const files = machineFiles(spec.machine.dir)
    const { seed, image } = spec
    if (config.image === '' && !image)
      throw new MachineError('image', 'There is no boot image for this VM', {
        hints: ['Build one: tsmachine image build'],
      })
    refuseElsewhere({ ...spec.machine, resources: spec.resources })
    const from = yield* templateFor(this.#deps, spec, signal)
    const what = { ...disk(config.image === '' ? files.data : files.root), ...templateAttributes(from) }
    yield* made(spec.resources, what, signal, async () => {
      if (from) await copyDisk(from.disk, files.data, signal)
      else if (config.image === '') await makeDataDisk(files.data, config.diskSize)
      else await makeRootDisk(files.root, config.image, config.diskSize, signal)
    })
    const { machine, config: recorded, resources } = spec
    // A VM that runs shows the files that it was started with; only `seal` may change them.
    if (seed && !runningVm({ id: machine.id, resources }))
      yield* made([], { kind: 'seed', key: 'seed' }, signal, () => writeSeed(files.seed, seed))
    const own = { ...machine, config: recorded, resources }
    yield* startVm(this.#deps, own, image, signal, from ? { from } : {})
  }

  async *start(
    machine: DriverMachine,
    image: BootImageFiles | undefined,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    if (readConfig(machine.config).image === '' && !image)
      throw new MachineError('image', 'There is no boot image for this VM', {
        hints: ['Build one: tsmachine image build'],
      })
    yield* startVm(this.#deps, machine, image, signal)
  }

  async *stop(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    await powerOff(machine, this.#deps.clock, signal)
  }

  async *kill(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    await cutPower(machine, this.#deps.clock, signal)
    if (!resourceOf(machine.resources, SAVED.kind)) return
    await dropSaved(machineFiles(machine.dir))
    yield { type: 'removed', ...SAVED }
  }

  suspend(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return suspendVm(this.#deps, machine, signal)
  }

  remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent> {
    return removeMachine(this.#deps, machine, signal)
  }

  async states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]> {
    signal.throwIfAborted()
    signal.throwIfAborted()
    return await mapBounded(machines, STATES_AT_ONCE, (machine) => fullState(machine, signal))
  }

  localState(machine: DriverMachine): MachineState {
    return localState(machine)
  }

  restsOn({ resources }: DriverMachine): LocalProcess | undefined {
    const { pid, startTime, bootId } = readVm(resources)
    return pid > 0 && startTime !== '' && bootId !== '' ? { pid, startTime, bootId } : undefined
  }

  endpoint(machine: DriverMachine): Endpoint {
    const { address, sshPort, enginePort } = readVm(machine.resources)
    const { mode } = networkOf(readConfig(machine.config).network)
    return {
      address,
      ssh: { host: address, port: sshPort, user: SSH_USER },
      engine: { host: address, port: enginePort },
      enginePort: GUEST_ENGINE_PORT,
      sans: [
        '127.0.0.1',
        'localhost',
        machine.name,
        ...(mode === 'user' ? [GUEST_ADDRESS] : []),
        address,
      ].filter((name, index, all) => name !== '' && all.indexOf(name) === index),
    }
  }

  console(machine: DriverMachine, options: ConsoleOptions): AsyncIterable<string> {
    return consoleLines(machineFiles(machine.dir).console, options, this.#deps.clock)
  }

  async seal(machine: DriverMachine, seed: SeedDocuments): Promise<void> {
    await sealSeed(machineFiles(machine.dir).seed, seed)
  }

  patience(machine: DriverMachine): number {
    return accelerator(readVm(machine.resources).accel).patience
  }

  engineReady(
    machine: DriverMachine,
    client: EngineClientFiles,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    return startForwarder(this.#deps, machine, client, signal)
  }

  forwards(machine: DriverMachine): Promise<readonly PortForward[]> {
    const { mode } = networkOf(readConfig(machine.config).network)
    return Promise.resolve(mode === 'bridge' ? [] : forwardsOf(machine))
  }

  async addForward(machine: DriverMachine, forward: WantedForward): Promise<void> {
    const { mode } = networkOf(readConfig(machine.config).network)
    if (mode !== 'user')
      throw new MachineError('driver', `Ports cannot be forwarded with --qemu-network ${mode}`, {
        hints: mode === 'bridge' ? ['The machine has an address of its own: tsmachine ip NAME'] : [],
      })
    await addByHand(machine, forward)
  }

  async removeForward(machine: DriverMachine, forward: WantedForward): Promise<void> {
    await removeByHand(machine, forward)
  }
}

function disk(path: string): { kind: string; key: string } {
  return { kind: 'disk', key: path.endsWith('.raw') ? 'data.raw' : 'root.qcow2' }
}

/** Announces, makes and confirms one thing; what an earlier create made is left. */
async function* made(
  resources: readonly Resource[],
  what: Pick<Resource, 'kind' | 'key' | 'attributes'>,
  signal: AbortSignal,
  make: () => Promise<void>,
): AsyncIterable<DriverEvent> {
  if (resourceOf(resources, what.kind)?.state === 'made') return
  yield { type: 'intent', resource: { ...what, state: 'intended' } }
  signal.throwIfAborted()
  await make()
  yield { type: 'made', resource: { ...what, id: what.key, state: 'made' } }
}
