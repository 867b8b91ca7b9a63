import { MachineError } from '../../src/contracts/errors.js'
import type { Facts, Step, Wanted } from '../../src/contracts/provision.js'
import { ownEngineHint } from './families.js'
import { CONTAINERD_CONFIG, MODULES_LOAD } from './places.js'
import { file, type FileStep, openFiles, run, TAG } from './steps.js'
import { containerdConfig } from './unit-texts.js'

/** What our bundle needs whatever starts it: its files, its place as the current one, kernel modules. */

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,80}$/

export function bundleVersion(facts: Facts, wanted: Wanted): string {
  const version = wanted.bundleVersion ?? facts.currentBundle
  if (version !== undefined && VERSION.test(version)) return version
  throw new MachineError(
    'provision',
    'The host has no engine, and there is no engine bundle here to install',
    {
      hints: ['tsmachine image build engine', ownEngineHint(facts.osRelease)],
    },
  )
}

export function installSteps(facts: Facts, version: string): Step[] {
  return [
    ...(facts.bundles.includes(version) ? [] : unpackSteps(facts, version)),
    ...(facts.currentBundle === version
      ? []
      : [
          run(['sh', '@lib/link-current.sh', version], 'make it the current engine', {
            tags: [TAG.engine, TAG.containerd],
          }),
        ]),
    ...(facts.dockerClient
      ? []
      : [
          run(['sh', '@lib/link-docker.sh'], 'put the docker client into everybody’s PATH', {
            tolerate: true,
          }),
        ]),
  ]
}

function unpackSteps(facts: Facts, version: string): Step[] {
  const selinux = run(
    ['sh', '@lib/selinux.sh', version],
    'give the engine’s files the SELinux types of /usr',
    {
      tolerate: true,
    },
  )
  const iptables = run(
    ['sh', '@lib/iptables-backend.sh', version],
    'choose the kind of iptables that the kernel knows',
    { tolerate: true },
  )
  return [
    { kind: 'bundle', version, why: `install the engine ${version} below /opt/tsmachine` },
    ...(facts.selinux === 'none' ? [] : [selinux]),
    ...(facts.iptables === undefined ? [iptables] : []),
  ]
}

/** A change of it means a restart of both: the engine reconnects by one of its own. */
export function containerdFile(): FileStep {
  return file(CONTAINERD_CONFIG, containerdConfig(), 'configure containerd', {
    tags: [TAG.containerd, TAG.engine],
  })
}

const MODULES = ['overlay', 'br_netfilter'] as const

/** A kernel may have these built in or not at all: the engine says itself what it misses. */
export function moduleSteps(facts: Facts): Step[] {
  const text = file(MODULES_LOAD, `${MODULES.join('\n')}\n`, 'load kernel modules at boot')
  if (openFiles(facts, [text]).length === 0) return []
  return [text, run(['modprobe', '-a', ...MODULES], 'load kernel modules', { tolerate: true })]
}

/** A running containerd takes over a new version or settings only by a restart of its own. */
export function containerdHasChanged(facts: Facts, version: string, services: readonly FileStep[]): boolean {
  if (!facts.engine || facts.currentBundle === undefined) return false
  return (
    facts.currentBundle !== version ||
    facts.pending.includes(TAG.containerd) ||
    services.some((step) => step.tags?.includes(TAG.containerd))
  )
}
