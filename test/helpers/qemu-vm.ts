// A machine of the qemu driver with a real QEMU and no operating system: a blank disk, whose firmware waits for ever.
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import type {
  Driver,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  FlagValues,
  MachineSpec,
} from '../../src/contracts/driver.js'
import type { Resource } from '../../src/contracts/record.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { factory } from '../../src/drivers/qemu/index.js'
import { withQmp } from '../../src/drivers/qemu/qmp.js'
import { readVm } from '../../src/drivers/qemu/vm-record.js'
import { driverDeps, scratchDir } from './driver-deps.js'

export const NEVER = new AbortController().signal
const SEED = { metaData: '{}\n', userData: '#cloud-config\n{"ssh_keys":{"ed25519_private":"SECRET"}}\n' }
let last = 0

/** One machine of this driver with its record, as the machine layer keeps it. */
export class Vm {
  resources: readonly Resource[] = []
  readonly events: DriverEvent[] = []
  /** No other process makes the same: a VM is found by it among all of this computer. */
  readonly id = (process.pid * 0x100 + ++last).toString(16).padStart(8, '0') + 'ab'.repeat(12)

  private constructor(
    readonly dir: string,
    readonly name: string,
    readonly config: MachineSpec['config'],
    readonly deps: DriverDeps,
    readonly driver: Driver,
    /** Where this test's machines, sockets and caches are. */
    readonly scratch: string,
  ) {}

  static async make(
    t: Test,
    flags: FlagValues = {},
    options: { name?: string; under?: string; deps?: Partial<DriverDeps> } = {},
  ): Promise<Vm> {
    const scratch = scratchDir(t)
    const blank = join(scratch, 'blank.raw')
    writeFileSync(blank, '')
    truncateSync(blank, 1024 * 1024)
    const given = {
      'qemu-image': blank,
      'qemu-memory': 384,
      'qemu-disk-size': 1000,
      'qemu-accel': 'tcg',
      ...flags,
    }
    const parsed = factory.parse(collectFlagValues(factory.flags, given, {}).values)
    if (!parsed.ok) throw new Error(parsed.faults.join('; '))
    const name = options.name ?? 'vm'
    const dir = join(scratch, options.under ?? 'machines', name)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const deps = { ...driverDeps(scratch), ...options.deps }
    const vm = new Vm(dir, name, parsed.config, deps, await factory.open(deps), scratch)
    t.teardown(() => vm.remove())
    return vm
  }

  get machine(): DriverMachine {
    const { name, id, dir, config, resources } = this
    return { name, id, dir, config, resources, storeId: 'store' }
  }

  get spec(): MachineSpec {
    const { config, resources, machine } = this
    return { machine, config, resources, sshUser: 'docker', seed: SEED, tags: {} }
  }

  async record(events: AsyncIterable<DriverEvent> | undefined): Promise<readonly DriverEvent[]> {
    const seen: DriverEvent[] = []
    for await (const event of events ?? []) {
      seen.push(event)
      const of = event.type === 'intent' || event.type === 'made' ? event.resource : event
      if (!('kind' in of)) continue
      const others = this.resources.filter(({ kind }) => kind !== of.kind)
      this.resources = event.type === 'removed' || !('state' in of) ? others : [...others, of]
    }
    return seen
  }

  async forward(hostPort: number, guestPort: number): Promise<void> {
    await this.driver.addForward?.(this.machine, { protocol: 'tcp', guestPort, hostPort })
  }

  create(): Promise<readonly DriverEvent[]> {
    return this.record(this.driver.create(this.spec, NEVER))
  }

  start(): Promise<readonly DriverEvent[]> {
    return this.record(this.driver.start?.(this.machine, undefined, NEVER))
  }

  suspend(): Promise<readonly DriverEvent[]> {
    return this.record(this.driver.suspend?.(this.machine, NEVER))
  }

  async kill(): Promise<void> {
    await this.record(this.driver.kill?.(this.machine, NEVER))
  }

  async remove(): Promise<void> {
    await this.record(this.driver.remove(this.machine, NEVER))
  }

  async state(): Promise<unknown> {
    return (await this.driver.states([this.machine], NEVER))[0]?.state
  }

  qmp(command: string): Promise<unknown> {
    return withQmp(readVm(this.resources).control, NEVER, (qmp) => qmp.execute(command))
  }
}

export function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

export const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()))

/** Whether anything accepts connections on a port of 127.0.0.1. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}
