import t from 'tap'
import type { Facts, Plan } from '../../../src/contracts/provision.js'
import { plan } from '../../../provision/plan.js'
import { packagePlan } from '../../../provision/plans/package-upgrade.js'
import { pruneBundles } from '../../../provision/plans/prune.js'
import { apply } from '../../../provision/apply.js'
import { ALL_TOOLS, fakeHost } from '../../helpers/fake-host.js'
import { DEBIAN_ENGINE, debianFacts, failure, wanted } from '../../helpers/provision-input.js'

const OLD = '26.1.5-11111111'
const NEW = '26.1.5-9e58d154'
const DAEMON = '/etc/docker/daemon.json'

function outline({ steps }: Plan): string[] {
  return steps.map((step) => {
    if (step.kind === 'run') return step.argv.join(' ')
    return step.kind === 'bundle' ? `bundle ${step.version}` : `${step.kind} ${step.path}`
  })
}

/** A host with both bundles, the new one current, whose engine did not come back over a restart that keeps containers. */
function brokenUpgrade(more: Partial<Facts> = {}): Facts {
  return debianFacts({
    engine: { ...DEBIAN_ENGINE, ours: true, state: 'starting', socketActivated: false },
    bundles: [OLD, NEW],
    currentBundle: NEW,
    daemonJson: '{}',
    restartUnfinished: true,
    containers: 2,
    dockerClient: '/usr/bin/docker',
    ...more,
  })
}

for (const state of ['starting', 'stopped'] as const)
  t.test(`going back while the engine is ${state}: it starts with live-restore still set`, async (t) => {
    const facts = brokenUpgrade()
    const engine = { ...DEBIAN_ENGINE, ours: true, state, socketActivated: false }
    const made = plan({ ...facts, engine }, wanted({ bundleVersion: OLD }))
    const lines = outline(made)
    const restart = lines.indexOf('systemctl restart docker.service')
    t.ok(lines.includes(`sh @lib/link-current.sh ${OLD}`))
    t.ok(
      lines.includes(
        `systemctl ${state === 'stopped' ? 'try-restart' : 'restart'} tsmachine-containerd.service`,
      ),
    )
    t.notOk(
      lines.slice(0, restart).some((line) => line.includes('reload docker')),
      'nobody is asked to reload',
    )
    const before = made.steps
      .slice(0, restart)
      .findLast((step) => step.kind === 'file' && step.path === DAEMON)
    t.match(before, { content: /"live-restore": true/ })
    t.equal(lines.at(-1), `remove ${DAEMON}.before-restart`)
  })

t.test('nothing is sent to a host that has the bundle already', async (t) => {
  t.notOk(
    outline(plan(brokenUpgrade(), wanted({ bundleVersion: OLD }))).some((line) => line.startsWith('bundle')),
  )
})

t.test('a package is replaced while its containers are safe', async (t) => {
  const facts = debianFacts({ engine: DEBIAN_ENGINE, containers: 1, daemonJson: '{"debug":true}' })
  const move = { argv: ['apt-get', 'install', 'x=2'], why: 'install x 2', port: 2376, force: false }
  const lines = outline(packagePlan(facts, move))
  t.same(lines, [
    'sh @lib/package-lock.sh 600',
    `file ${DAEMON}.before-restart`,
    `file ${DAEMON}`,
    'systemctl reload docker.service',
    'sh @lib/live-restore.sh true',
    `file ${DAEMON}`,
    'apt-get install x=2',
    'systemctl restart docker.service',
    `file ${DAEMON}`,
    'systemctl reload docker.service',
    'sh @lib/live-restore.sh false',
    `file ${DAEMON}`,
    `remove ${DAEMON}.before-restart`,
  ])
  const plain = packagePlan({ ...facts, containers: 0 }, move)
  t.same(outline(plain), [
    'sh @lib/package-lock.sh 600',
    'apt-get install x=2',
    'systemctl restart docker.service',
  ])
  t.match(
    failure(() => packagePlan({ ...facts, swarm: true }, move)),
    { message: /swarm/, hints: [/--force/] },
  )
  t.same(outline(packagePlan({ ...facts, swarm: true }, { ...move, force: true })), outline(plain))
})

for (const tools of ALL_TOOLS)
  t.test(`${tools}: what nothing needs any more is removed, its mark first`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    for (const version of ['1-a', '2-b', '3-c']) {
      on.put(`opt/tsmachine/${version}/.complete`, '')
      on.put(`opt/tsmachine/${version}/bin/dockerd`, 'x')
    }
    const facts = debianFacts({ bundles: ['1-a', '2-b', '3-c'], sudo: 'root' })
    const made = pruneBundles(facts, ['2-b', '3-c'])
    t.ok(made)
    if (made) await apply(on.shell, made, { facts, root: on.root })
    t.notOk(on.has('opt/tsmachine/1-a'))
    t.ok(on.has('opt/tsmachine/2-b/.complete') && on.has('opt/tsmachine/3-c/.complete'))
    t.equal(pruneBundles({ ...facts, bundles: ['2-b', '3-c'] }, ['2-b', '3-c']), undefined)
  })
