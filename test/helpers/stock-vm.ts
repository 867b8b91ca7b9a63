/** A running stock Debian VM, with the QEMU flags that our own driver uses, on a throw-away overlay of its disk. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import type { RemoteShell } from '../../src/contracts/ssh.js'
import { ACCELERATORS } from '../../src/drivers/qemu/accelerators.js'
import { vmArgv } from '../../src/drivers/qemu/argv.js'
import { readConfig } from '../../src/drivers/qemu/config.js'
import { machineFiles, vmSockets } from '../../src/drivers/qemu/layout.js'
import { addForward, listForwards } from '../../src/drivers/qemu/ports.js'
import { withQmp } from '../../src/drivers/qemu/qmp.js'
import { connect } from '../../src/ssh/connect.js'
import { isMachineError, MachineError, messageOf } from '../../src/contracts/errors.js'
import { retry, waitFor } from '../../src/util/wait.js'
import { runDir } from './run-dir.js'
import { type StockDisk, stockDisk } from './stock-disk.js'

export { stockDisk } from './stock-disk.js'

export interface StockVmOptions {
  readonly variant: 'plain' | 'docker' | 'trixie'
  /** Path of the init to run instead of /sbin/init (`trixie` has OpenRC's there). */
  readonly init?: string
  /** MB; 2048 when absent. */
  readonly memory?: number
  readonly cpuCount?: number
  /** Milliseconds until its SSH server must let us in (an emulated, loaded computer is slow). */
  readonly bootMs?: number
  /** False: return as soon as QEMU runs, without waiting for SSH; it starts on all its processors. */
  readonly wait?: boolean
}

export interface StockVm {
  readonly host: '127.0.0.1'
  readonly sshPort: number
  /** `admin`, who has passwordless sudo. */
  readonly user: string
  readonly keyPath: string
  /** `ssh-ed25519 AAAA...`, known before the first boot. */
  readonly hostKey: string
  readonly pid: number
  /** A port of 127.0.0.1 (a free one when none is named) that leads to a port of the guest. */
  forward(guestPort: number, hostPort?: number): Promise<number>
  /** Runs a command as `admin` on a connection of its own. Non-zero exit is an error with its stderr. */
  run(command: string): Promise<string>
  connect(): Promise<RemoteShell>
  console(): string
  /** Starts it anew without a shutdown, once its disk has everything. */
  reset(): Promise<void>
  /** Ends the VM and removes its overlay. */
  stop(): Promise<void>
}

const BOOT_MS = 300_000
/** An emulated kernel that starts on several processors may panic (`src/drivers/qemu/accelerators.ts`): the others join later. */
const ONE_PROCESSOR = 'maxcpus=1 noreplace-smp'
const WAKE_OTHERS = "sudo sh -c 'for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do echo 1 >$cpu; done'"
const NEVER = new AbortController().signal

/** Boots a stock VM and waits until its SSH server lets us in. */
export async function startStockVm(options: StockVmOptions): Promise<StockVm> {
  const disk = await stockDisk(options.variant)
  const dir = runDir('vm')
  const child = boot(disk, dir, options)
  const vm = await reach(child, disk, dir)
  if (options.wait === false) return vm
  try {
    await retry('SSH of the stock VM', async () => (await vm.connect()).close(), {
      deadlineMs: options.bootMs ?? BOOT_MS,
      intervalMs: 500,
      isRetryable: (error) => child.exitCode === null && isMachineError(error) && error.code !== 'host-key',
    })
    await vm.run(WAKE_OTHERS)
    return vm
  } catch (cause) {
    const end = vm.console().slice(-2_000)
    await vm.stop()
    throw new Error(`${messageOf(cause)}; its console ends:\n${end}`, { cause })
  }
}

/** QEMU's words for a stock disk: those of our driver for a foreign image, and the kernel given directly. */
export function stockArgv(disk: StockDisk, dir: string, options: StockVmOptions): readonly string[] {
  const accelerator = ACCELERATORS.find(({ name }) => name === 'tcg')
  if (!accelerator) throw new Error('no tcg row')
  const config = readConfig({ memory: options.memory ?? 2048, cpuCount: options.cpuCount ?? 2 })
  const plan = { name: 'stock', id: 'f'.repeat(32), config, accelerator, files: machineFiles(dir) }
  const netdev = 'user,id=net0,hostfwd=tcp:127.0.0.1:0-:22'
  const init = options.init === undefined ? '' : ` init=${options.init}`
  const processors = options.wait === false ? '' : ` ${ONE_PROCESSOR}`
  const words = vmArgv({ ...plan, sockets: vmSockets(dir), netdev })
  return [
    // The firmware boots the kernel given below, not a disk.
    ...words.map((word) => word.replace(',bootindex=0', '')),
    ...['-kernel', disk.kernel, '-initrd', disk.initrd],
    ...[
      '-append',
      `root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 ${accelerator.kernel}${processors}${init}`,
    ],
  ]
}

function boot(disk: StockDisk, dir: string, options: StockVmOptions): ChildProcess {
  const { root, seed, log } = machineFiles(dir)
  mkdirSync(seed)
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', disk.raw, '-F', 'raw', root])
  const output = openSync(log, 'a')
  const child = spawn('qemu-system-x86_64', stockArgv(disk, dir, options), {
    stdio: ['ignore', output, output],
  })
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.removeListener('exit', end))
  return child
}

async function reach(child: ChildProcess, disk: StockDisk, dir: string): Promise<StockVm> {
  const { console: consolePath, log } = machineFiles(dir)
  const { control } = vmSockets(dir)
  const sshPort = await waitFor('QEMU of the stock VM', () => sshForward(child, control, log), {
    deadlineMs: 60_000,
  })
  const open = (): Promise<RemoteShell> =>
    connect(
      { host: '127.0.0.1', port: sshPort, user: 'admin' },
      { privateKeyPath: disk.keyPath, pins: { keys: [disk.hostKey] }, readyTimeoutMs: 30_000 },
    )
  return {
    host: '127.0.0.1',
    sshPort,
    user: 'admin',
    keyPath: disk.keyPath,
    hostKey: disk.hostKey,
    pid: child.pid ?? 0,
    forward: (guestPort, hostPort = 0) =>
      withQmp(control, NEVER, (qmp) => addForward(qmp, { protocol: 'tcp', hostPort, guestPort })),
    run: (command) => runOnce(open, command),
    connect: open,
    console: () => (existsSync(consolePath) ? readFileSync(consolePath, 'utf8') : ''),
    async reset() {
      await runOnce(open, 'sudo sync')
      await withQmp(control, NEVER, (qmp) => qmp.execute('system_reset'))
    },
    stop: () => stop(child, dir),
  }
}

async function sshForward(child: ChildProcess, control: string, log: string): Promise<number | undefined> {
  if (child.exitCode !== null) throw new MachineError('driver', `QEMU ended: ${readFileSync(log, 'utf8')}`)
  if (!existsSync(control)) return undefined
  const forwards = await withQmp(control, NEVER, listForwards).catch(() => [])
  return forwards.find(({ guestPort }) => guestPort === 22)?.hostPort
}

async function runOnce(open: () => Promise<RemoteShell>, command: string): Promise<string> {
  const shell = await open()
  try {
    const { code, stdout, stderr } = await shell.exec(command)
    if (code !== 0) throw new Error(`${command}: status ${code}: ${stderr}`)
    return stdout
  } finally {
    shell.close()
  }
}

async function stop(child: ChildProcess, dir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  rmSync(dir, { recursive: true, force: true })
}
