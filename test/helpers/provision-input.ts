import { isMachineError, type MachineError } from '../../src/contracts/errors.js'
import type { Facts, Plan, Step, Wanted } from '../../src/contracts/provision.js'

/** Facts of a stock Debian host without an engine. */
export function debianFacts(more: Partial<Facts> = {}): Facts {
  return {
    osRelease: { ID: 'debian', VERSION_ID: '12', PRETTY_NAME: 'Debian GNU/Linux 12 (bookworm)' },
    arch: 'x86_64',
    kernel: '6.1.0-18-amd64',
    init: 'systemd',
    user: 'admin',
    uid: 1000,
    sudo: 'passwordless',
    hostname: 'web',
    daemonJson: '',
    restartUnfinished: false,
    pending: [],
    bundles: [],
    opt: { path: '/opt', mount: '/', freeBytes: 5_000_000_000, isReadOnly: false, isNoexec: false },
    data: {
      path: '/var/lib/docker',
      mount: '/',
      freeBytes: 5_000_000_000,
      isReadOnly: false,
      isNoexec: false,
    },
    kernelFeatures: { present: ['bridge', 'ip_tables', 'nf_tables', 'overlay', 'veth'], modules: 'known' },
    cgroup: 2,
    limitsMemory: true,
    selinux: 'none',
    hasPublicCas: true,
    inDockerGroup: false,
    containers: 0,
    swarm: false,
    clock: 1_790_000_000,
    clockSkewS: 0,
    clientAddress: '203.0.113.7',
    hostAddress: '10.0.0.5',
    files: {},
    ...more,
  }
}

/** Debian's docker.io, running, with socket activation. */
export const DEBIAN_ENGINE: NonNullable<Facts['engine']> = {
  path: '/usr/sbin/dockerd',
  version: '20.10.24+dfsg1',
  state: 'ready',
  socketActivated: true,
  service: 'docker.service',
  enabled: true,
  ours: false,
  execStart: '/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS',
}

/** Facts of our own image, engine not started yet. */
export function imageFacts(more: Partial<Facts> = {}): Facts {
  return debianFacts({
    osRelease: { ID: 'tsmachine', VERSION_ID: '26.1.5-0123abcd' },
    init: 'tsmachine',
    user: 'docker',
    hostname: 'dev',
    inDockerGroup: true,
    engine: {
      path: '/usr/bin/dockerd',
      version: '26.1.5-0123abcd',
      state: 'stopped',
      socketActivated: false,
      service: 'engine',
      enabled: true,
      ours: true,
    },
    ...more,
  })
}

export function wanted(more: Partial<Wanted> = {}, engine: Partial<Wanted['engine']> = {}): Wanted {
  return {
    name: 'web',
    hostName: more.name ?? 'web',
    driver: 'generic',
    enginePort: 2376,
    bundleVersion: '26.1.5-9e58d154',
    tls: { ca: 'CA PEM\n', cert: 'SERVER PEM\n', key: 'SECRET KEY PEM\n' },
    engine: {
      opts: [],
      labels: [],
      insecureRegistries: [],
      registryMirrors: [],
      env: [],
      registryCas: {},
      ...engine,
    },
    ...more,
  }
}

/** A plan in short: what each step does to what. */
export function outline({ steps }: Plan): string[] {
  return steps.map((step) => {
    if (step.kind === 'run') return step.argv.join(' ')
    return step.kind === 'bundle' ? `bundle ${step.version}` : `${step.kind} ${step.path}`
  })
}

/** What a plan leaves in a file in the end. */
export function content(made: Plan, path: string): string {
  const step = made.steps.findLast(
    (one): one is Extract<Step, { kind: 'file' }> => one.kind === 'file' && one.path === path,
  )
  if (!step) throw new Error(`no step writes ${path}`)
  return step.content
}

/** The daemon.json that a plan leaves. */
export function daemon(made: Plan, path = '/etc/docker/daemon.json'): Record<string, unknown> {
  return JSON.parse(content(made, path)) as Record<string, unknown>
}

/** The MachineError that work throws. */
export function failure(work: () => unknown): { code: string; message: string; hints: readonly string[] } {
  try {
    work()
  } catch (error) {
    if (isMachineError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** The same for work that takes time. */
export async function failureOf(work: Promise<unknown>): Promise<MachineError> {
  try {
    await work
  } catch (error) {
    if (isMachineError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
