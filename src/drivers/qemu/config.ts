import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { FlagValues, JsonObject, ParsedConfig } from '../../contracts/driver.js'
import { ConfigReader } from '../common/config-reader.js'
import { parseWith } from '../common/flags.js'
import { flags } from './flags.js'
import { parseNetwork } from './network-choice.js'
import { parseShare, shareFaults, shareText } from './shares.js'

/** Measured with our image: 384 MB run the engine and leave containers some 250; with 256 MB it did not get up in time. */
export const MIN_MEMORY_MB = 384
/** The engine and its first image need this much. */
export const MIN_DISK_MB = 1000
const MAX_MEMORY_MB = 1024 * 1024
const MAX_DISK_MB = 64 * 1024 * 1024
const DEFAULT_CPUS = 2

/** Settings of one VM, checked. */
export interface QemuConfig {
  readonly memory: number
  readonly cpuCount: number
  readonly diskSize: number
  /** Absolute path of a cloud image; empty: our image. */
  readonly image: string
  readonly accel: string
  readonly network: string
  readonly autoForward: boolean
  /** `HOST:GUEST[:ro]`, absolute paths. */
  readonly shares: readonly string[]
  readonly sshPort: number
  readonly enginePort: number
  readonly program: string
}

/** Flag values as a config; all faults at once. */
export function parse(values: FlagValues): ParsedConfig {
  return parseWith(flags, values, (read, fault) => {
    const config = configOf(read)
    for (const text of faultsOf(config)) fault(text)
    const shares = read.list('shares').map((text) => {
      const share = parseShare(text)
      if ('fault' in share) fault(`--qemu-share ${JSON.stringify(text)}: ${share.fault}`)
      return share
    })
    const good = shares.filter((share) => 'host' in share)
    for (const text of shareFaults(good)) fault(`--qemu-share: ${text}`)
    return { ...config, shares: good.map(shareText) }
  })
}

/** A recorded config with types; what an older record lacks takes its default. */
export function readConfig(config: JsonObject): QemuConfig {
  return configOf(new ConfigReader(config))
}

function configOf(read: ConfigReader): QemuConfig {
  const image = read.string('image')
  return {
    memory: read.integer('memory') ?? 2048,
    cpuCount: read.integer('cpuCount') ?? Math.min(DEFAULT_CPUS, availableParallelism()),
    diskSize: read.integer('diskSize') ?? 20000,
    image: image === '' ? '' : resolve(image),
    accel: read.string('accel') || 'auto',
    network: read.string('network') || 'user',
    autoForward: read.all()['autoForward'] !== false,
    shares: read.list('shares'),
    sshPort: read.integer('sshPort') ?? 0,
    enginePort: read.integer('enginePort') ?? 0,
    program: read.string('program') || 'qemu-system-x86_64',
  }
}

function faultsOf(config: QemuConfig): string[] {
  const network = parseNetwork(config.network)
  return [
    rangeFault(
      'qemu-memory',
      config.memory,
      MIN_MEMORY_MB,
      MAX_MEMORY_MB,
      'MB: less does not boot with an engine',
    ),
    rangeFault('qemu-cpu-count', config.cpuCount, 1, availableParallelism(), 'CPUs (what this computer has)'),
    rangeFault('qemu-disk-size', config.diskSize, MIN_DISK_MB, MAX_DISK_MB, 'MB'),
    rangeFault('qemu-ssh-port', config.sshPort, 0, 65_535, '(0 chooses a free port)'),
    rangeFault('qemu-engine-port', config.enginePort, 0, 65_535, '(0 chooses a free port)'),
    config.sshPort !== 0 && config.sshPort === config.enginePort
      ? '--qemu-ssh-port and --qemu-engine-port must differ'
      : undefined,
    'fault' in network ? `--qemu-network: ${network.fault}` : undefined,
  ].filter((text) => text !== undefined)
}

function rangeFault(flag: string, value: number, min: number, max: number, unit: string): string | undefined {
  if (value >= min && value <= max) return undefined
  return `--${flag} ${value} is out of range: from ${min} to ${max} ${unit}`
}
