/** An engine on a TCP port without TLS gives root to whoever finds it; a plan may be cut after any step, and the host restarted. */
import { createHash } from 'node:crypto'
import t from 'tap'
import type { Facts, Plan } from '../../../src/contracts/provision.js'
import { plan } from '../../../provision/plan.js'
import { DEBIAN_ENGINE, debianFacts, outline, wanted } from '../../helpers/provision-input.js'

const DAEMON = '/etc/docker/daemon.json'
const BEFORE = `${DAEMON}.before-restart`
const TLS = ['/etc/docker/ca.pem', '/etc/docker/server.pem', '/etc/docker/server-key.pem']

type Disk = ReadonlyMap<string, string>

const openrcEngine = {
  ...DEBIAN_ENGINE,
  service: 'docker',
  socketActivated: false,
  execStart: '--log-level=info',
}
const HOSTS: Readonly<Record<string, Partial<Facts>>> = {
  'the bundle under systemd': {},
  'the host’s engine under systemd': { engine: DEBIAN_ENGINE },
  'the bundle under OpenRC': { init: 'openrc' },
  'the host’s engine under OpenRC': {
    init: 'openrc',
    engine: {
      ...openrcEngine,
      optionsFile: { path: '/etc/conf.d/docker', text: 'DOCKER_OPTS=--log-level=info\n' },
    },
  },
}

/** What is on the host's disk after each of the first steps of a plan, before the first one included. */
function disks(made: Plan, start: Disk): Disk[] {
  const all = [start]
  for (const step of made.steps) {
    const next = new Map(all.at(-1))
    if (step.kind === 'file') next.set(step.path, step.content)
    if (step.kind === 'remove') next.delete(step.path)
    all.push(next)
  }
  return all
}

/** Facts of the host as the disk has it, its daemon.json as facts.sh tells it. */
function factsOf(first: Facts, disk: Disk): Facts {
  const digests = [...disk].map(([path, text]) => [path, createHash('sha256').update(text).digest('hex')])
  return {
    ...first,
    files: Object.fromEntries(digests) as Facts['files'],
    daemonJson: (disk.get(BEFORE) ?? disk.get(DAEMON) ?? '').trimEnd(),
    restartUnfinished: disk.has(BEFORE),
    pending: ['engine'],
  }
}

function listens(disk: Disk): boolean {
  return [...disk].some(
    ([path, text]) => path !== DAEMON && path !== BEFORE && text.includes('tcp://0.0.0.0'),
  )
}

function asksForCertificates(disk: Disk): boolean {
  const settings = JSON.parse(disk.get(DAEMON) ?? '{}') as Record<string, unknown>
  return settings['tlsverify'] === true && TLS.every((path) => disk.has(path))
}

/** The step after which the engine, started now, would let anybody in. */
function opening(made: Plan, start: Disk): string | undefined {
  const at = disks(made, start).findIndex((disk) => listens(disk) && !asksForCertificates(disk))
  return at < 0 ? undefined : at === 0 ? 'the start' : outline(made)[at - 1]
}

for (const [name, more] of Object.entries(HOSTS))
  for (const containers of [0, 2])
    t.test(
      `${name}, ${containers} containers: wherever a plan is cut, no port is open without TLS`,
      async (t) => {
        const facts = debianFacts({ ...more, containers })
        const own = new Map(more.engine ? [[DAEMON, '{"debug":true}\n']] : [])
        const first = plan(factsOf(facts, own), wanted())
        t.ok(listens(disks(first, own).at(-1) ?? own), 'it does listen in the end')
        t.equal(opening(first, own), undefined)
        for (const [at, disk] of disks(first, own).entries())
          for (const state of ['ready', 'stopped'] as const) {
            const cut = factsOf(facts, disk)
            const engine = cut.engine && { ...cut.engine, state }
            const again = plan({ ...cut, ...(engine ? { engine } : {}) }, wanted())
            t.equal(opening(again, disk), undefined, `run again after ${at} steps, the engine ${state}`)
            t.ok(asksForCertificates(disks(again, disk).at(-1) ?? disk))
          }
      },
    )
