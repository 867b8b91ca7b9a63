import { MachineError } from '../../src/contracts/errors.js'
import type { Facts, Step, Wanted } from '../../src/contracts/provision.js'
import { CONTAINERD_CONFIG, CONTAINERD_UNIT, ENGINE_UNIT, MODULES_LOAD } from './places.js'
import { file, type FileStep, openFiles, run, TAG } from './steps.js'
import { reloadUnits, type SystemdPart, userInDockerGroup } from './systemd.js'
import { containerdConfig, containerdUnit, engineUnit } from './unit-texts.js'

const CONTAINERD_TIMEOUT_S = 90
const UNITS = ['tsmachine-containerd.service', 'docker.service'] as const

/** Our bundle below /opt/tsmachine with its two units. */
export function bundledEngine(facts: Facts, wanted: Wanted): SystemdPart {
  const version = bundleVersion(facts, wanted)
  const units = openFiles(facts, unitFiles(facts, wanted))
  return {
    version,
    before: [...installSteps(facts, version), ...userInDockerGroup(facts), ...moduleSteps(facts), ...units],
    after: [...reloadUnits(facts, units), ...enableSteps(facts), ...containerdSteps(facts, version, units)],
  }
}

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,80}$/

function bundleVersion(facts: Facts, wanted: Wanted): string {
  const version = wanted.bundleVersion ?? facts.currentBundle
  if (version !== undefined && VERSION.test(version)) return version
  throw new MachineError(
    'provision',
    'The host has no engine, and there is no engine bundle here to install',
    {
      hints: ['tsmachine image build engine', 'Or install docker on the host with its own package manager.'],
    },
  )
}

function installSteps(facts: Facts, version: string): Step[] {
  const steps: Step[] = []
  const missing = !facts.bundles.includes(version)
  if (missing)
    steps.push({ kind: 'bundle', version, why: `install the engine ${version} below /opt/tsmachine` })
  if (missing && facts.selinux !== 'none')
    steps.push(
      run(['sh', '@lib/selinux.sh', version], 'give the engine’s files the SELinux types of /usr', {
        tolerate: true,
      }),
    )
  if (missing && facts.iptables === undefined)
    steps.push(
      run(['sh', '@lib/iptables-backend.sh', version], 'choose the kind of iptables that the kernel knows', {
        tolerate: true,
      }),
    )
  if (facts.currentBundle !== version)
    steps.push(
      run(['sh', '@lib/link-current.sh', version], 'make it the current engine', {
        tags: [TAG.engine, TAG.containerd],
      }),
    )
  if (!facts.dockerClient)
    steps.push(
      run(['sh', '@lib/link-docker.sh'], 'put the docker client into everybody’s PATH', { tolerate: true }),
    )
  return steps
}

function unitFiles(facts: Facts, wanted: Wanted): FileStep[] {
  const { enginePort: port } = wanted
  const containerd = [TAG.containerd, TAG.engine]
  return [
    file(CONTAINERD_CONFIG, containerdConfig(), 'configure containerd', { tags: containerd }),
    file(CONTAINERD_UNIT, containerdUnit(), 'describe containerd to systemd', {
      tags: [TAG.units, ...containerd],
    }),
    file(
      ENGINE_UNIT,
      engineUnit({ port, hasPublicCas: facts.hasPublicCas }),
      'describe the engine to systemd',
      {
        tags: [TAG.units, TAG.engine],
      },
    ),
  ]
}

const MODULES = ['overlay', 'br_netfilter'] as const

/** A kernel may have these built in or not at all: the engine says itself what it misses. */
function moduleSteps(facts: Facts): Step[] {
  const text = file(MODULES_LOAD, `${MODULES.join('\n')}\n`, 'load kernel modules at boot')
  if (openFiles(facts, [text]).length === 0) return []
  return [text, run(['modprobe', '-a', ...MODULES], 'load kernel modules', { tolerate: true })]
}

function enableSteps(facts: Facts): Step[] {
  if (facts.engine?.enabled) return []
  return [run(['systemctl', 'enable', ...UNITS], 'start the engine at boot')]
}

/** Starting the engine starts containerd too; a running one takes over a new version only by a restart of its own. */
function containerdSteps(facts: Facts, version: string, units: readonly FileStep[]): Step[] {
  if ((facts.engine?.state ?? 'stopped') === 'stopped') return []
  const changed =
    facts.currentBundle !== version ||
    facts.pending.includes(TAG.containerd) ||
    units.some((unit) => unit.tags?.includes(TAG.containerd))
  if (!changed) return []
  return [
    run(['systemctl', 'restart', 'tsmachine-containerd.service'], 'restart containerd; containers go on', {
      settles: [TAG.containerd],
      timeoutS: CONTAINERD_TIMEOUT_S,
      evidence: ['journalctl', '-u', 'tsmachine-containerd.service', '-o', 'cat', '--no-pager', '-n', '30'],
    }),
  ]
}
