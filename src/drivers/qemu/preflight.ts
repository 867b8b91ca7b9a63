import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { DriverDeps, MachineSpec, PreflightFault } from '../../contracts/driver.js'
import { isMachineError, messageOf } from '../../contracts/errors.js'
import { findProgram } from '../../util/exec.js'
import { type QemuConfig, readConfig } from './config.js'
import { imageFault, imageInfo } from './disks.js'
import { networkOf } from './network-choice.js'
import { portTrouble } from './ports.js'
import { atLeast, inspectQemu, MIN_QEMU, MIN_QEMU_PASST, type QemuProgram } from './qemu-program.js'
import { sharesOf } from './shares.js'
import { chooseAccelerator } from './verdicts.js'
import { runningVm } from './vm-record.js'

const MB = 1024 * 1024
/** What the engine and a first image take of this computer's disk. */
const MIN_FREE_DISK_MB = 1_000

/** Everything that would fail later, found now. */
export async function preflight(
  deps: DriverDeps,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const config = readConfig(spec.config)
  const running = runningVm({ id: spec.machine.id, resources: spec.resources }) !== undefined
  const [qemu = [], ...others] = await Promise.all([
    qemuFaults(config, deps, signal),
    diskFaults(spec.machine.dir),
    imageFaults(config, signal),
    ...(running ? [] : [portFaults(config)]),
  ])
  signal.throwIfAborted()
  return [
    ...qemu,
    ...(running ? [] : memoryFaults(config)),
    ...others.flat(),
    ...networkFaults(config),
    ...shareFaults(config),
  ]
}

async function qemuFaults(
  config: QemuConfig,
  deps: DriverDeps,
  signal: AbortSignal,
): Promise<PreflightFault[]> {
  try {
    const program = await inspectQemu(config.program, deps.cacheDir, signal)
    const faults = buildFaults(config, program)
    if (faults.length === 0) await chooseAccelerator(config.accel, program, deps, signal)
    return faults
  } catch (error) {
    signal.throwIfAborted()
    return [faultOf(error)]
  }
}

function buildFaults(config: QemuConfig, program: QemuProgram): PreflightFault[] {
  const { mode } = networkOf(config.network)
  const minimum = mode === 'passt' ? MIN_QEMU_PASST : MIN_QEMU
  if (!atLeast(program.version, minimum))
    return [
      {
        message: `${program.path} is version ${program.version}; at least ${minimum} is needed${mode === 'passt' ? ' for --qemu-network passt' : ''}`,
        hint: 'Install a newer QEMU, or give the path of one with --qemu-program.',
      },
    ]
  if (mode === 'user' && !program.netdevs.includes('user'))
    return [
      {
        message: `${program.path} was built without user networking (-netdev user)`,
        hint: 'Install a QEMU with libslirp (Debian: qemu-system-x86), or use --qemu-network passt or bridge=BRIDGE.',
      },
    ]
  return []
}

function memoryFaults(config: QemuConfig): PreflightFault[] {
  const available = availableMemoryMb()
  if (config.memory <= available) return []
  const total = Math.floor(totalmem() / MB)
  return [
    {
      message: `The VM shall have ${config.memory} MB of memory, but only ${available} MB of this computer's ${total} MB are free`,
      hint: 'Stop other programs or machines, or give less: --qemu-memory MB',
    },
  ]
}

/** What programs can still get: page cache counts as free (proc(5), MemAvailable). */
function availableMemoryMb(): number {
  try {
    const kb = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
    if (kb !== undefined) return Math.floor(Number(kb) / 1024)
  } catch {
    // Not Linux.
  }
  return Math.floor(freemem() / MB)
}

async function diskFaults(dir: string): Promise<PreflightFault[]> {
  const { bavail, bsize } = await statfs(existingParent(dir))
  const free = Math.floor((bavail * bsize) / MB)
  if (free >= MIN_FREE_DISK_MB) return []
  return [
    {
      message: `Only ${free} MB are free where ${dir} lies; ${MIN_FREE_DISK_MB} MB are needed`,
      hint: 'Free some space, or choose another store with --storage-path.',
    },
  ]
}

function existingParent(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingParent(dirname(path))
}

async function imageFaults(config: QemuConfig, signal: AbortSignal): Promise<PreflightFault[]> {
  if (config.image === '') return []
  if (!readable(config.image))
    return [
      { message: `The image ${config.image} does not exist or may not be read`, hint: 'Check --qemu-image.' },
    ]
  try {
    const info = await imageInfo(config.image, signal)
    const { virtualSize } = info
    const fault = imageFault(config.image, info)
    if (fault) return [fault]
    const sizeMb = Math.ceil(virtualSize / MB)
    if (sizeMb > config.diskSize)
      return [
        {
          message: `The image ${config.image} is a disk of ${sizeMb} MB, more than --qemu-disk-size ${config.diskSize}`,
          hint: `Give at least --qemu-disk-size ${sizeMb}`,
        },
      ]
    return []
  } catch (error) {
    signal.throwIfAborted()
    return [faultOf(error)]
  }
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function networkFaults(config: QemuConfig): PreflightFault[] {
  const choice = networkOf(config.network)
  if (choice.mode === 'passt' && findProgram('passt') === undefined)
    return [
      { message: 'The program "passt" is not installed', hint: 'Install it: sudo apt-get install passt' },
    ]
  if (choice.mode !== 'bridge') return []
  if (!existsSync(`/sys/class/net/${choice.bridge}/bridge`))
    return [
      {
        message: `There is no bridge ${choice.bridge} on this computer`,
        hint: 'List bridges: ip link show type bridge',
      },
    ]
  const helper = ['/usr/lib/qemu/qemu-bridge-helper', '/usr/libexec/qemu-bridge-helper'].some((path) =>
    existsSync(path),
  )
  if (process.getuid?.() === 0 ? findProgram('ip') !== undefined : helper) return []
  return [
    {
      message: `You may not connect a VM to the bridge ${choice.bridge}`,
      hint: `Run as root, or install qemu-bridge-helper and allow the bridge in /etc/qemu/bridge.conf: allow ${choice.bridge}`,
    },
  ]
}

/** Ports that the user fixed; others are chosen free. */
async function portFaults(config: QemuConfig): Promise<PreflightFault[]> {
  if (networkOf(config.network).mode === 'bridge') return []
  const wanted = [
    { flag: '--qemu-ssh-port', port: config.sshPort },
    { flag: '--qemu-engine-port', port: config.enginePort },
  ].filter(({ port }) => port > 0)
  const faults = await Promise.all(
    wanted.map(async ({ flag, port }) => {
      const trouble = await portTrouble(port)
      return trouble === undefined
        ? undefined
        : {
            message: `Port ${port} of this computer ${trouble}`,
            hint: `Choose another one: ${flag} PORT (0: any)`,
          }
    }),
  )
  return faults.filter((fault) => fault !== undefined)
}

function shareFaults(config: QemuConfig): PreflightFault[] {
  return sharesOf(config.shares)
    .filter(({ host }) => !isFolder(host))
    .map(({ host }) => ({
      message: `The folder ${host} to share does not exist or is no folder`,
      hint: 'Check --qemu-share.',
    }))
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

function faultOf(error: unknown): PreflightFault {
  const hint = isMachineError(error) ? error.hints[0] : undefined
  return { message: messageOf(error), ...(hint === undefined ? {} : { hint }) }
}
