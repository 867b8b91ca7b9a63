import { MachineError } from '../src/contracts/errors.js'
import type { Facts, InitSystem } from '../src/contracts/provision.js'
import type { RemoteShell } from '../src/contracts/ssh.js'
import { systemClock } from '../src/util/clock.js'
import { engineFacts, type RawFacts, withoutRoot } from './engine-facts.js'
import { firewallFacts } from './firewall-facts.js'
import { hostSpace } from './space.js'
import { runHostScript } from './host-script.js'
import { parseOsRelease } from './os-release.js'

const FACTS_S = 120
const WAITING = '@@wait '

/** Waiting for cloud-init before looking at a host. */
export interface CloudInitWait {
  readonly seconds: number
  /** Called with each stage that cloud-init is in. */
  readonly seen: (stage: string) => void
}

/**
 * Everything that a plan needs to know of a host, in one round trip.
 * @throws MachineError `provision` when the host has no POSIX shell or prints something else
 */
export async function collectFacts(
  shell: RemoteShell,
  signal?: AbortSignal,
  root = '',
  wait?: CloudInitWait,
): Promise<Facts> {
  const options = { root, ...(signal ? { signal } : {}) }
  const result = wait
    ? await runHostScript(shell, ['wait-cloud-init.sh', 'facts.sh'], [String(wait.seconds)], {
        ...options,
        deadlineMs: (wait.seconds + FACTS_S) * 1000,
        onStdoutLine: (line) => line.startsWith(WAITING) && wait.seen(line.slice(WAITING.length)),
      })
    : await runHostScript(shell, 'facts.sh', [], options)
  const now = systemClock.now().getTime() / 1000
  return parseFacts(parseDocument(result.stdout, result.stderr), now, root)
}

function parseDocument(stdout: string, stderr: string): RawFacts {
  const start = stdout.indexOf('{"')
  try {
    if (start < 0) throw new Error('no JSON document')
    return checkedFacts(JSON.parse(stdout.slice(start)))
  } catch (cause) {
    throw new MachineError('provision', 'The host did not answer with facts about itself', {
      cause,
      evidence: `${stdout.slice(-1000)}\n${stderr.slice(-1000)}`.trim(),
      hints: ['Log in with `tsmachine ssh NAME` and see that `sh` and `awk` work there.'],
    })
  }
}

/** What facts.sh says in words, and which of them there are. */
const WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  init: new Set<InitSystem>(['systemd', 'openrc', 'boot2docker', 'tsmachine', 'unknown']),
  sudo: new Set<Facts['sudo']>(['root', 'passwordless', 'given', 'doas', 'password', 'none']),
  kernel_modules: new Set<Facts['kernelFeatures']['modules']>(['known', 'unknown', 'gone']),
  cloud_init: new Set<NonNullable<Facts['cloudInit']> | ''>(['running', 'done', '']),
}
const NUMBERS = ['clock', 'uid', 'containers']

/** A host may answer anything. @throws Error where it is nothing that facts.sh prints */
export function checkedFacts(document: unknown): RawFacts {
  if (typeof document !== 'object' || document === null) throw new Error('no JSON object')
  const raw = new Map(Object.entries(document))
  for (const [key, value] of raw) if (typeof value !== 'string') throw new Error(`"${key}" is no text`)
  for (const [key, words] of Object.entries(WORDS))
    if (raw.has(key) && !words.has(String(raw.get(key)))) throw new Error(`"${key}" is an unknown word`)
  for (const key of NUMBERS)
    if (raw.has(key) && !Number.isFinite(Number(raw.get(key)))) throw new Error(`"${key}" is no number`)
  return document as RawFacts
}

/** Facts from facts.sh's document. `nowS` is our clock when it arrived; `root` is taken off paths. */
export function parseFacts(raw: RawFacts, nowS: number, root = ''): Facts {
  const clock = Number(raw['clock'] ?? 0)
  const init = (raw['init'] ?? 'unknown') as InitSystem
  const engine = engineFacts(raw, init, root)
  const firewall = firewallFacts(raw)
  const connection = (raw['connection'] ?? '').split(' ')
  return {
    osRelease: parseOsRelease(raw['os_release'] ?? ''),
    arch: raw['arch'] ?? '',
    kernel: raw['kernel'] ?? '',
    init,
    user: raw['user'] ?? '',
    uid: Number(raw['uid'] ?? -1),
    sudo: (raw['sudo'] ?? 'none') as Facts['sudo'],
    hostname: raw['hostname'] ?? '',
    ...(engine ? { engine } : {}),
    daemonJson: raw['daemon_json'] ?? '',
    restartUnfinished: raw['restart_unfinished'] === 'yes',
    pending: lines(raw['pending']),
    bundles: lines(raw['bundles']),
    ...present('currentBundle', raw['current_bundle']),
    ...hostSpace(raw, root),
    kernelFeatures: {
      present: lines(raw['kernel_has']),
      modules: (raw['kernel_modules'] ?? 'unknown') as Facts['kernelFeatures']['modules'],
    },
    cgroup: CGROUPS.get(raw['cgroup'] ?? '') ?? 0,
    limitsMemory: raw['cgroup'] !== '2' || /\bmemory\b/.test(raw['cgroup_controllers'] ?? 'memory'),
    selinux: raw['selinux'] === '1' ? 'enforcing' : raw['selinux'] === '0' ? 'permissive' : 'none',
    ...present('iptables', raw['iptables']),
    ...present('dockerClient', raw['docker_cli']),
    hasPublicCas: Boolean(raw['public_cas']),
    inDockerGroup:
      raw['uid'] === '0'
        ? Boolean(raw['docker_group'])
        : inGroup(raw['docker_group'] ?? '', raw['user'] ?? ''),
    ...present('firewall', firewall),
    ...present('cloudInit', raw['cloud_init'] as Facts['cloudInit']),
    ...present('packageLock', raw['package_lock']),
    ...present('timeSync', raw['time_sync']),
    containers: Number(raw['containers'] ?? 0),
    swarm: raw['swarm'] === 'yes',
    clock,
    clockSkewS: Math.round(clock - nowS),
    clientAddress: connection[0] ?? '',
    hostAddress: connection[2] ?? '',
    ...present('hostSubnet', raw['subnet']),
    files: parseFiles(raw['files'] ?? '', root),
  }
}

function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value ? { [key]: value } : {}) as { [P in K]?: V }
}

function lines(text: string | undefined): string[] {
  return (text ?? '').split('\n').filter((line) => line !== '')
}

const CGROUPS: ReadonlyMap<string, Facts['cgroup']> = new Map([
  ['1', 1],
  ['2', 2],
])

function parseFiles(text: string, root: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const line of lines(text)) {
    const match = /^([0-9a-f]{64}) [ *](\/.*)$/.exec(line)
    if (match) files[withoutRoot(match[2] ?? '', root)] = match[1] ?? ''
  }
  return files
}

function inGroup(entry: string, user: string): boolean {
  return (entry.split(':')[3] ?? '').split(',').includes(user)
}
