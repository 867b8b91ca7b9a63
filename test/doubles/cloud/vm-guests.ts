/** Guests that are real VMs of our boot image, each on a loopback address of its own. They end with this process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lazyArtefacts } from '../../../src/cli/artefacts.js'
import type { BootImageFiles } from '../../../src/contracts/driver.js'
import { MachineError, messageOf } from '../../../src/contracts/errors.js'
import { TCG } from '../../../src/drivers/qemu/accelerators.js'
import { vmArgv } from '../../../src/drivers/qemu/argv.js'
import { readConfig } from '../../../src/drivers/qemu/config.js'
import { makeDataDisk } from '../../../src/drivers/qemu/disks.js'
import { machineFiles, vmSockets } from '../../../src/drivers/qemu/layout.js'
import { GUEST_ADDRESS } from '../../../src/drivers/qemu/ports.js'
import { type QmpClient, withQmp } from '../../../src/drivers/qemu/qmp.js'
import { writeSeed } from '../../../src/drivers/qemu/seed.js'
import { pending, waitFor } from '../../../src/util/wait.js'
import { runDir } from '../../helpers/run-dir.js'
import { type Guest, type GuestHost, type GuestSpec, nextAddress } from './guest.js'

const NEVER = new AbortController().signal
const MEMORY_MB = 768
const DISK_MB = 10_000
const START_MS = 60_000
/** An emulated guest on a busy computer stops its containers and engine first. */
const STOP_MS = 300_000

export class VmGuests implements GuestHost {
  readonly #guests = new Set<VmGuest>()
  readonly #dir = runDir('cloud')

  private constructor(private readonly image: BootImageFiles) {}

  static async open(): Promise<VmGuests> {
    return new VmGuests(await lazyArtefacts(process.env, () => undefined).bootImage('amd64', NEVER))
  }

  make(spec: GuestSpec): Guest {
    const dir = join(this.#dir, spec.id)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const guest = new VmGuest(spec, dir, this.image)
    this.#guests.add(guest)
    return guest
  }

  async close(): Promise<void> {
    await Promise.all([...this.#guests].map((guest) => guest.end()))
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

class VmGuest implements Guest {
  address = nextAddress()
  #child: ChildProcess | undefined
  #wanted: readonly number[] = []
  #open: { readonly address: string; readonly ports: Set<number> } = { address: '', ports: new Set() }
  /** Changes of forwards, one after the other. */
  #forwarding: Promise<void> = Promise.resolve()
  #ended = false
  readonly #listeners: (() => void)[] = []
  readonly #control: string

  constructor(
    private readonly spec: GuestSpec,
    private readonly dir: string,
    private readonly image: BootImageFiles,
  ) {
    this.#control = vmSockets(dir).control
  }

  moveAway(): void {
    this.address = nextAddress()
  }

  onOff(listener: () => void): void {
    this.#listeners.push(listener)
  }

  console(): string {
    const { console: path } = machineFiles(this.dir)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  async powerOn(): Promise<void> {
    if (this.#child || this.#ended) return
    const files = machineFiles(this.dir)
    const { id, name, userData, publicKeys } = this.spec
    const metaData = JSON.stringify({ 'instance-id': id, 'local-hostname': name, 'public-keys': publicKeys })
    await writeSeed(files.seed, { metaData: `${metaData}\n`, userData })
    await makeDataDisk(files.data, DISK_MB)
    this.#open = { address: this.address, ports: new Set() }
    this.#child = this.#spawn()
    await waitFor(`QEMU of ${name}`, () => this.#greeting(), {
      ...{ deadlineMs: START_MS, intervalMs: 50 },
      evidence: () => readFileSync(files.log, 'utf8'),
    })
    await this.#adjust()
  }

  async #greeting(): Promise<true | ReturnType<typeof pending>> {
    if (!this.#child) throw new MachineError('driver', readFileSync(machineFiles(this.dir).log, 'utf8'))
    return await this.#qmp(() => Promise.resolve(true as const)).catch((error: unknown) =>
      pending(messageOf(error)),
    )
  }

  /** The kernel ends QEMU when we die, however that may be. */
  #spawn(): ChildProcess {
    const files = machineFiles(this.dir)
    const id = createHash('md5').update(this.dir).digest('hex')
    const config = readConfig({ memory: MEMORY_MB, cpuCount: 2 })
    const argv = vmArgv({
      ...{ name: this.spec.name, id, config, accelerator: TCG, files, image: this.image },
      ...{ sockets: vmSockets(this.dir), netdev: 'user,id=net0' },
    })
    const log = openSync(files.log, 'a', 0o600)
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...argv], {
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    child.once('exit', () => {
      this.#child = undefined
      for (const listener of this.#listeners) listener()
    })
    return child
  }

  async powerOff(): Promise<void> {
    const child = this.#child
    if (!child) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** Presses the power button, again and again: a guest that is still booting does not hear it. */
  async shutdown(): Promise<void> {
    const asked = this.#child
    const press = async (): Promise<boolean | ReturnType<typeof pending>> => {
      // It may have been started again meanwhile.
      if (!asked || this.#child !== asked) return true
      await this.#qmp((qmp) => qmp.execute('system_powerdown')).catch(() => undefined)
      return pending('the power button was pressed')
    }
    await waitFor(`${this.spec.name} to power off`, press, {
      ...{ deadlineMs: STOP_MS, intervalMs: 1_000, maxIntervalMs: 3_000 },
      evidence: () => this.console().slice(-2_000),
    })
  }

  async reboot(): Promise<void> {
    await this.shutdown()
    await this.powerOn()
  }

  async open(ports: readonly number[]): Promise<void> {
    this.#wanted = ports
    await this.#adjust()
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.powerOff()
    rmSync(this.dir, { recursive: true, force: true })
  }

  #qmp<T>(work: (qmp: QmpClient) => Promise<T>): Promise<T> {
    return withQmp(this.#control, NEVER, work)
  }

  /** Brings the forwards to what is wanted; a VM that is off has none. */
  #adjust(): Promise<void> {
    const turn = this.#forwarding.then(async () => {
      const { address, ports } = this.#open
      const closed = this.#wanted.filter((port) => !ports.has(port))
      const surplus = [...ports].filter((port) => !this.#wanted.includes(port))
      if (!this.#child || !existsSync(this.#control) || closed.length + surplus.length === 0) return
      await this.#qmp(async (qmp) => {
        for (const port of closed) {
          const answer = await qmp.human(`hostfwd_add net0 tcp:${address}:${port}-${GUEST_ADDRESS}:${port}`)
          if (answer.trim() !== '') throw new Error(`${address}:${port}: ${answer.trim()}`)
          ports.add(port)
        }
        for (const port of surplus) {
          await qmp.human(`hostfwd_remove net0 tcp:${address}:${port}`)
          ports.delete(port)
        }
      })
    })
    this.#forwarding = turn.catch(() => undefined)
    return turn
  }
}
