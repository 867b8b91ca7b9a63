import { createHash } from 'node:crypto'
import type { BootImageFiles } from '../../contracts/driver.js'
import type { Accelerator } from './accelerators.js'
import type { QemuConfig } from './config.js'
import type { MachineFiles, VmSockets } from './layout.js'
import { shareTag, sharesOf } from './shares.js'

/** All that a QEMU command line is made from. */
export interface VmPlan {
  readonly name: string
  /** 32 hex digits; becomes the VM's UUID, by which a process is known to be this VM. */
  readonly id: string
  readonly config: QemuConfig
  readonly accelerator: Accelerator
  readonly files: MachineFiles
  readonly sockets: VmSockets
  /** Our image; absent: the VM boots from its root disk. */
  readonly image?: BootImageFiles
  /** `-netdev` of the chosen network, with id `net0`. */
  readonly netdev: string
  /** `-sandbox` of this QEMU, when it has one. */
  readonly sandbox?: string
  /** The guest waits where it has become nobody yet (guest/lib/boot). */
  readonly template?: boolean
}

/** Without what no guest of ours uses and each could attack; a crash of QEMU does not write the guest's memory to a core file. */
const MACHINE = 'q35,vmport=off,sata=off,smbus=off,dump-guest-core=off'
/** Words for our image's kernel. A panic stays visible for half a minute, then the guest tries again. */
const KERNEL_WORDS = 'console=ttyS0 quiet panic=30'
const TEMPLATE_WORD = 'tsmachine.template=1'

/** QEMU's arguments for a VM. Pure: the same plan gives the same words. Source: qemu(1) of QEMU 6 to 10. */
export function vmArgv(plan: VmPlan): readonly string[] {
  const { config, accelerator } = plan
  return [
    ...['-name', `guest=${escaped(plan.name)}`],
    ...['-uuid', uuidOf(plan.id)],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', MACHINE],
    ...['-accel', accelerator.accel],
    ...['-cpu', accelerator.cpu],
    ...['-smp', String(config.cpuCount)],
    ...['-m', `${config.memory}M`],
    ...['-rtc', 'base=utc,clock=host'],
    ...(plan.sandbox === undefined ? [] : ['-sandbox', plan.sandbox]),
    ...console(plan.files),
    ...(plan.image ? guestLine(plan.sockets) : []),
    ...monitor('control', plan.sockets.control),
    ...monitor('forwarder', plan.sockets.forwarder),
    ...['-object', 'rng-random,id=rng0,filename=/dev/urandom'],
    ...['-device', 'virtio-rng-pci,rng=rng0'],
    // A new number for each QEMU: a guest whose memory another one saved knows by it that it is a copy.
    ...(plan.image ? ['-device', 'vmgenid,guid=auto'] : []),
    ...(plan.image ? ownImage(plan, plan.image) : cloudImage(plan.files)),
    ...seed(plan.files),
    ...['-netdev', plan.netdev],
    ...['-device', `virtio-net-pci,netdev=net0,mac=${macOf(plan.id)},romfile=`],
    ...shares(config.shares),
  ]
}

function console(files: MachineFiles): readonly string[] {
  return [
    '-chardev',
    `file,id=console,path=${escaped(files.console)},append=on`,
    '-serial',
    'chardev:console',
  ]
}

/** The guest reads from it what it cannot see: that it was away, and what time it is. */
function guestLine({ guest }: VmSockets): readonly string[] {
  return ['-chardev', `socket,id=guest,path=${escaped(guest)},server=on,wait=off`, '-serial', 'chardev:guest']
}

/** A QMP socket serves one client at a time, so the forwarder has one of its own. */
function monitor(id: string, path: string): readonly string[] {
  return [
    '-chardev',
    `socket,id=${id},path=${escaped(path)},server=on,wait=off`,
    '-mon',
    `chardev=${id},mode=control`,
  ]
}

function ownImage(plan: VmPlan, image: BootImageFiles): readonly string[] {
  const kernel = (plan.accelerator.plainKernel ? image.plainKernel : undefined) ?? image.kernel
  const { kernel: anyGuest, imageKernel } = plan.accelerator
  const words = [KERNEL_WORDS, anyGuest, imageKernel, plan.template ? TEMPLATE_WORD : '']
  return [
    ...['-kernel', kernel, '-initrd', image.initramfs],
    ...['-append', words.filter(Boolean).join(' ')],
    ...disk('engine', { driver: 'file', filename: image.engine, 'read-only': true }),
    ...disk('data', { driver: 'file', filename: plan.files.data, discard: 'unmap' }),
  ]
}

function cloudImage(files: MachineFiles): readonly string[] {
  const file = { driver: 'file', filename: files.root, discard: 'unmap' }
  return disk('root', { driver: 'qcow2', discard: 'unmap', file }, ',bootindex=0')
}

/** The `cidata` volume. Not `-drive file=fat:`: that one is labelled `QEMU VVFAT` and no guest looks at it. */
function seed(files: MachineFiles): readonly string[] {
  return disk('seed', { driver: 'vvfat', dir: files.seed, label: 'cidata', 'read-only': true })
}

/** JSON, because its values need no escaping. Guests find our disks by serial: `tsmachine-engine`, `tsmachine-data`. */
function disk(id: string, blockdev: object, more = ''): readonly string[] {
  return [
    ...['-blockdev', JSON.stringify({ 'node-name': id, ...blockdev })],
    ...['-device', `virtio-blk-pci,drive=${id},serial=tsmachine-${id}${more}`],
  ]
}

/**
 * `none`: files belong to the user who runs QEMU, whoever wrote them in the guest (as root: to the guest's user).
 * `remap` keeps inode numbers apart when a shared folder spans file systems.
 */
function shares(texts: readonly string[]): readonly string[] {
  return sharesOf(texts).flatMap((share, index) => {
    const tag = shareTag(index)
    const readOnly = share.readOnly ? ',readonly=on' : ''
    return [
      '-fsdev',
      `local,id=${tag},path=${escaped(share.host)},security_model=none,multidevs=remap${readOnly}`,
      '-device',
      `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
    ]
  })
}

/** Words whose values are the guest's hardware. Where they differ, a saved memory does not fit. */
const HARDWARE: ReadonlySet<string> = new Set([
  '-machine',
  '-accel',
  '-cpu',
  '-smp',
  '-m',
  '-serial',
  '-device',
])

/** Names the hardware that a command line gives to its guest. */
export function hardwareOf(argv: readonly string[]): string {
  const words = argv.filter((_, index) => HARDWARE.has(argv[index - 1] ?? ''))
  return createHash('sha256').update(words.join('\0')).digest('hex').slice(0, 16)
}

/** A value in QEMU's `key=value,...` words: a comma is written twice. Source: qemu-options, "QemuOpts". */
export function escaped(value: string): string {
  return value.replaceAll(',', ',,')
}

/** The machine id as a UUID. */
export function uuidOf(id: string): string {
  const hex = id.padEnd(32, '0')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  )
}

/** A MAC address in QEMU's range, the same for a machine as long as it lives. */
export function macOf(id: string): string {
  const [a, b, c] = createHash('sha256').update(id).digest()
  return ['52', '54', '00', ...[a, b, c].map((byte = 0) => byte.toString(16).padStart(2, '0'))].join(':')
}
