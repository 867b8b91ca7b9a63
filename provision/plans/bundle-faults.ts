import type { Facts, Space, Wanted } from '../../src/contracts/provision.js'
import { ownEngineHint } from './families.js'
import { fail } from './fault.js'

const MIN_KERNEL = [4, 18] as const
const MEGABYTE = 1_000_000
/** Room for the unpacked bundle, generously; the host looks again when it knows the real size. */
const BUNDLE_BYTES = 320 * MEGABYTE

/** Why our bundle could not run on a host. @throws MachineError `provision` */
export function checkForBundle(facts: Facts, wanted: Wanted): void {
  for (const fault of FAULTS) fault(facts, wanted)
}

const FAULTS: readonly ((facts: Facts, wanted: Wanted) => void)[] = [
  ({ arch, osRelease }) => {
    if (arch !== 'x86_64')
      fail(`The engine bundle is for x86_64, and the host is ${arch}`, [ownEngineHint(osRelease)])
  },
  ({ kernel, osRelease }) => {
    const [major = 0, minor = 0] = kernel.split('.').map(Number)
    if (major < MIN_KERNEL[0] || (major === MIN_KERNEL[0] && minor < MIN_KERNEL[1]))
      fail(`The engine needs Linux ${MIN_KERNEL.join('.')} or newer, and the host runs ${kernel}`, [
        ownEngineHint(osRelease),
      ])
  },
  ({ opt }) => {
    if (opt.isNoexec)
      fail(`${opt.mount} on the host is mounted noexec, and the engine is installed below /opt`, [
        `mount -o remount,exec ${opt.mount}`,
      ])
  },
  ({ opt }) => {
    if (opt.isReadOnly)
      fail(`${opt.mount} on the host is read-only, and the engine is installed below /opt`, [
        'Mount something else on /opt, or make it a link to a folder that can be written.',
      ])
  },
  ({ opt, bundles }, { bundleVersion }) => {
    if (bundleVersion !== undefined && bundles.includes(bundleVersion)) return
    if (opt.freeBytes < BUNDLE_BYTES)
      fail(`The engine needs ${megabytes(BUNDLE_BYTES)} below /opt, and the host has ${room(opt)}`, [
        'Free some space on the host, then run the command again.',
      ])
  },
  kernelFault,
]

/** Features without which the engine does not start, and what makes do without one. */
const NEEDED: readonly {
  readonly anyOf: readonly string[]
  readonly for: string
  readonly unless?: string
}[] = [
  { anyOf: ['nf_tables', 'ip_tables'], for: 'firewall rules', unless: 'iptables=false' },
  { anyOf: ['bridge'], for: 'networks of containers' },
  { anyOf: ['veth'], for: 'networks of containers' },
]

function kernelFault({ kernelFeatures: { present, modules }, kernel }: Facts, { engine }: Wanted): void {
  if (modules === 'unknown') return
  const missing = NEEDED.find(
    ({ anyOf, unless }) =>
      !anyOf.some((name) => present.includes(name)) && !(unless && engine.opts.includes(unless)),
  )
  if (!missing) return
  if (modules === 'gone')
    fail(`The modules of the kernel that the host runs (${kernel}) are gone: an update has replaced them`, [
      'Restart the host, then run the command again.',
    ])
  fail(
    `The host's kernel has no ${missing.anyOf.join(' and no ')}, which the engine needs for ${missing.for}`,
    [
      'Choose a kernel for the host that has it.',
      ...(missing.unless ? [`Or do without: --engine-opt ${missing.unless}`] : []),
    ],
  )
}

function room({ freeBytes, mount }: Space): string {
  return `${megabytes(freeBytes)} free on ${mount}`
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / MEGABYTE)} MB`
}
