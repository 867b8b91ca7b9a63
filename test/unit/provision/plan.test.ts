import { createHash } from 'node:crypto'
import t from 'tap'
import type { Facts, Plan } from '../../../src/contracts/provision.js'
import { firstBootFiles, plan } from '../../../provision/plan.js'
import {
  content,
  daemon,
  DEBIAN_ENGINE,
  debianFacts,
  failure,
  imageFacts,
  outline,
  wanted,
} from '../../helpers/provision-input.js'

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Facts as they are after a plan has been carried out. */
function after(facts: Facts, made: Plan, more: Partial<Facts> = {}): Facts {
  const files = { ...facts.files }
  for (const step of made.steps) if (step.kind === 'file') files[step.path] = digest(step.content)
  return { ...facts, files, daemonJson: content(made, '/etc/docker/daemon.json').trimEnd(), ...more }
}

const TLS_FILES = [
  'file /etc/docker/ca.pem',
  'file /etc/docker/server.pem',
  'file /etc/docker/server-key.pem',
]
const KEEP_CONTAINERS = [
  'file /etc/docker/daemon.json.before-restart',
  'file /etc/docker/daemon.json',
  'systemctl reload docker.service',
  'sh @lib/live-restore.sh true',
  'file /etc/docker/daemon.json',
  'systemctl restart docker.service',
  'file /etc/docker/daemon.json',
  'systemctl reload docker.service',
  'sh @lib/live-restore.sh false',
  'file /etc/docker/daemon.json',
  'remove /etc/docker/daemon.json.before-restart',
]

t.test('our own image gets its files and its engine started, nothing else', async (t) => {
  const made = plan(imageFacts(), wanted({ name: 'dev', driver: 'qemu' }))
  t.same(outline(made), [...TLS_FILES, 'file /etc/docker/daemon.json', 'tsmachine-service engine restart'])
  t.same(made.engine, { source: 'image', version: '26.1.5-0123abcd', port: 2376 })
  t.same(daemon(made), {
    tls: true,
    tlsverify: true,
    tlscacert: '/etc/docker/ca.pem',
    tlscert: '/etc/docker/server.pem',
    tlskey: '/etc/docker/server-key.pem',
    hosts: ['tcp://0.0.0.0:2376', 'unix:///var/run/docker.sock'],
    labels: ['provider=qemu'],
  })
  const engine = { ...imageFacts().engine, state: 'ready' } as Facts['engine']
  const next = plan(after(imageFacts(), made, { engine }), wanted({ name: 'dev', driver: 'qemu' }))
  t.same(next.steps, [], 'a second run has nothing to do')
  const stopped = plan(after(imageFacts(), made), wanted({ name: 'dev', driver: 'qemu' }))
  t.same(outline(stopped), ['tsmachine-service engine start'], 'a stopped engine is started, not restarted')
})

t.test(
  'a guest that was given its files for the first boot needs nothing, or only its engine’s start',
  async (t) => {
    const choices = { env: ['A=b'], registryCas: { 'reg:5000': 'PEM' }, labels: ['x=y'] }
    const mine = wanted({ name: 'dev', driver: 'qemu', engine: { ...wanted().engine, ...choices } })
    const given = firstBootFiles(mine)
    const files = Object.fromEntries(given.map(({ path, content }) => [path, digest(content)]))
    const daemonJson = given.find(({ path }) => path.endsWith('daemon.json'))?.content.trimEnd() ?? ''
    const booted = imageFacts({ files, daemonJson })
    const of = (state: 'stopped' | 'starting' | 'ready'): string[] =>
      outline(plan({ ...booted, engine: { ...imageFacts().engine, state } as Facts['engine'] }, mine))
    t.same(of('stopped'), ['tsmachine-service engine start'])
    t.same(of('starting'), ['tsmachine-service engine start'], 'which waits for it')
    t.same(of('ready'), [])
    t.equal(given.find(({ path }) => path.endsWith('key.pem'))?.mode, '600')
  },
)

t.test('a stock host gets our bundle with two units of its own', async (t) => {
  const made = plan(debianFacts({ hostname: 'stock' }), wanted())
  t.same(outline(made), [
    'sh @lib/hostname.sh web',
    'bundle 26.1.5-9e58d154',
    'sh @lib/iptables-backend.sh 26.1.5-9e58d154',
    'sh @lib/link-current.sh 26.1.5-9e58d154',
    'sh @lib/link-docker.sh',
    'sh @lib/docker-group.sh admin',
    'file /etc/modules-load.d/tsmachine.conf',
    'modprobe -a overlay br_netfilter',
    ...TLS_FILES,
    'file /etc/docker/daemon.json',
    'file /etc/tsmachine/containerd.toml',
    'file /etc/systemd/system/tsmachine-containerd.service',
    'file /etc/systemd/system/docker.service',
    'systemctl daemon-reload',
    'systemctl enable tsmachine-containerd.service docker.service',
    'systemctl restart docker.service',
  ])
  t.same(made.engine, { source: 'bundled', version: '26.1.5-9e58d154', port: 2376 })
  const unit = content(made, '/etc/systemd/system/docker.service')
  for (const line of [
    'Type=notify',
    'KillMode=process',
    'Delegate=yes',
    'TasksMax=infinity',
    'Environment=GODEBUG=netdns=go',
    'ExecStart=/opt/tsmachine/current/bin/dockerd --containerd=/run/tsmachine/containerd/containerd.sock -H unix:///var/run/docker.sock -H tcp://0.0.0.0:2376',
  ])
    t.ok(unit.split('\n').includes(line), line)
  t.match(unit, /^Environment=PATH=\/opt\/tsmachine\/current\/bin:.*:\/opt\/tsmachine\/current\/iptables$/m)
  t.notMatch(unit, /SSL_CERT_FILE/)
  t.notOk(
    'hosts' in daemon(made),
    'the addresses are on the command line, where a package’s -H can stay beside them',
  )
})

t.test('what a host lacks decides details of the bundle', async (t) => {
  const bare = plan(debianFacts({ hasPublicCas: false, selinux: 'enforcing' }), wanted())
  t.match(
    content(bare, '/etc/systemd/system/docker.service'),
    /SSL_CERT_FILE=\/opt\/tsmachine\/current\/etc\/ca-certificates\.crt/,
  )
  t.ok(outline(bare).includes('sh @lib/selinux.sh 26.1.5-9e58d154'))
  const has = { dockerClient: '/usr/bin/docker', inDockerGroup: true, iptables: '/usr/sbin/iptables' }
  const rich = outline(plan(debianFacts(has), wanted()))
  t.notOk(rich.some((line) => /link-docker|docker-group|iptables/.test(line)))
})

t.test(
  'a host with our engine in an older version gets the new one and containerd is restarted first',
  async (t) => {
    const old = '26.1.5-00000000'
    const first = plan(debianFacts(), wanted({ bundleVersion: old }))
    const engine = { ...DEBIAN_ENGINE, ours: true, execStart: '/opt/tsmachine/current/bin/dockerd' }
    const facts = after(debianFacts(), first, {
      engine,
      bundles: [old],
      currentBundle: old,
      inDockerGroup: true,
      dockerClient: '/x',
    })
    t.same(plan(facts, wanted({ bundleVersion: old })).steps, [])
    t.same(outline(plan(facts, wanted())), [
      'bundle 26.1.5-9e58d154',
      'sh @lib/iptables-backend.sh 26.1.5-9e58d154',
      'sh @lib/link-current.sh 26.1.5-9e58d154',
      'systemctl restart tsmachine-containerd.service',
      'systemctl restart docker.service',
    ])
  },
)

t.test('the distribution’s own engine keeps its command line and its socket activation', async (t) => {
  const made = plan(debianFacts({ engine: DEBIAN_ENGINE }), wanted({}, { labels: ['role=web'] }))
  t.same(outline(made), [
    'sh @lib/docker-group.sh admin',
    ...TLS_FILES,
    'file /etc/docker/daemon.json',
    'file /etc/systemd/system/docker.service.d/10-machine.conf',
    'systemctl daemon-reload',
    'systemctl restart docker.service',
  ])
  t.match(
    content(made, '/etc/systemd/system/docker.service.d/10-machine.conf'),
    '[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS -H tcp://0.0.0.0:2376\n',
  )
  t.same(daemon(made)['labels'], ['role=web', 'provider=generic'])
  t.same(made.engine, { source: 'host', version: '20.10.24+dfsg1', port: 2376 })
  t.same(
    plan(
      after(debianFacts({ engine: DEBIAN_ENGINE, inDockerGroup: true }), made),
      wanted({}, { labels: ['role=web'] }),
    ).steps,
    [],
  )
})

t.test(
  'an engine without any -H gets its socket named beside our port, one with our port is left alone',
  async (t) => {
    const at = (execStart: string): string => {
      const made = plan(
        debianFacts({ engine: { ...DEBIAN_ENGINE, execStart } }),
        wanted({ enginePort: 23760 }),
      )
      return content(made, '/etc/systemd/system/docker.service.d/10-machine.conf').split('\n')[3] ?? ''
    }
    t.equal(
      at('/usr/bin/dockerd'),
      'ExecStart=/usr/bin/dockerd -H unix:///var/run/docker.sock -H tcp://0.0.0.0:23760',
    )
    t.equal(
      at('/usr/bin/dockerd --host=fd://'),
      'ExecStart=/usr/bin/dockerd --host=fd:// -H tcp://0.0.0.0:23760',
    )
    t.equal(
      at('/usr/bin/dockerd -H tcp://0.0.0.0:23760 -H fd://'),
      'ExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:23760 -H fd://',
    )
  },
)

t.test('an engine that failed too often is forgiven before it is started', async (t) => {
  const engine = { ...DEBIAN_ENGINE, state: 'stopped' } as const
  t.same(outline(plan(debianFacts({ engine }), wanted())).slice(-2), [
    'systemctl reset-failed docker.service',
    'systemctl restart docker.service',
  ])
})

t.test('settings of the host’s daemon.json stay; a contradiction is named', async (t) => {
  const own = { 'log-driver': 'local', labels: ['a=b'], 'log-opts': { 'max-file': '3' } }
  const facts = debianFacts({ engine: DEBIAN_ENGINE, daemonJson: JSON.stringify(own) })
  const made = daemon(plan(facts, wanted({}, { opts: ['log-opt=max-size=1m'], labels: ['a=b', 'c=d'] })))
  t.match(made, {
    'log-driver': 'local',
    labels: ['a=b', 'c=d', 'provider=generic'],
    'log-opts': { 'max-file': '3', 'max-size': '1m' },
  })
  const scalar = failure(() => plan(facts, wanted({}, { opts: ['log-driver=journald'] })))
  t.match(scalar, { code: 'provision', message: /"log-driver" to "local".*needs "journald"/ })
  const nested = failure(() => plan(facts, wanted({}, { opts: ['log-opt=max-file=9'] })))
  t.match(nested.message, /"log-opts\.max-file" to "3"/)
  const hosts = debianFacts({ engine: DEBIAN_ENGINE, daemonJson: '{"hosts":["fd://"]}' })
  t.match(failure(() => plan(hosts, wanted())).message, /sets "hosts"/)
  const broken = debianFacts({
    engine: DEBIAN_ENGINE,
    daemonJson: '{"proxies":{"http-proxy":"http://u:secret@p"}',
  })
  t.match(failure(() => plan(broken, wanted())).message, /is not a JSON object/)
  t.notMatch(failure(() => plan(broken, wanted())).message, /secret/)
})

t.test('a setting on the command line of the host’s unit is not put into daemon.json as well', async (t) => {
  const engine = { ...DEBIAN_ENGINE, execStart: '/usr/bin/dockerd -H fd:// --log-driver=local --label x=y' }
  t.match(failure(() => plan(debianFacts({ engine }), wanted())).message, /sets --label on its command line/)
  const fine = { ...DEBIAN_ENGINE, execStart: '/usr/bin/dockerd -H fd:// --log-driver=local' }
  t.match(
    failure(() => plan(debianFacts({ engine: fine }), wanted({}, { opts: ['log-driver=none'] }))).message,
    /--log-driver/,
  )
})

t.test('running containers outlive whatever restarts the engine', async (t) => {
  const facts = debianFacts({
    engine: DEBIAN_ENGINE,
    containers: 2,
    daemonJson: '{"debug":true}',
    inDockerGroup: true,
  })
  const made = plan(facts, wanted())
  const steps = KEEP_CONTAINERS.toSpliced(
    KEEP_CONTAINERS.indexOf('systemctl restart docker.service'),
    0,
    'file /etc/systemd/system/docker.service.d/10-machine.conf',
    'systemctl daemon-reload',
  )
  t.same(outline(made).slice(-steps.length), steps)
  const written = made.steps.flatMap((step) =>
    step.kind === 'file' && step.path === '/etc/docker/daemon.json'
      ? [JSON.parse(step.content) as Record<string, unknown>]
      : [],
  )
  t.same(
    written[0],
    { debug: true, 'live-restore': true },
    'the running engine is asked for nothing but live-restore',
  )
  t.match(
    written[1],
    { debug: true, tlsverify: true, 'live-restore': true },
    'it starts with the new settings, keeping containers',
  )
  t.equal(
    written[2]?.['live-restore'],
    false,
    'a key that is only missing would change nothing in a running engine',
  )
  t.notOk('live-restore' in (written[3] ?? {}))
  t.same(
    made.steps.filter(
      (step) =>
        step.tags?.includes('engine') &&
        made.steps.indexOf(step) > outline(made).indexOf('systemctl restart docker.service'),
    ),
    [],
    'nothing after the restart asks for another',
  )
  const always = plan(facts, wanted({}, { opts: ['live-restore'] }))
  t.equal(outline(always).filter((line) => line.includes('live-restore.sh false')).length, 0)
})

t.test('a renewal touches only certificates, and not even those when they are there already', async (t) => {
  const first = plan(debianFacts({ engine: DEBIAN_ENGINE }), wanted())
  const facts = after(debianFacts({ engine: DEBIAN_ENGINE }), first, { containers: 1 })
  const renewed = wanted({
    certificatesOnly: true,
    tls: { ...wanted().tls, cert: 'NEW\n', key: 'NEW KEY\n' },
  })
  const made = plan(facts, renewed)
  t.same(outline(made), [
    'file /etc/docker/server.pem',
    'file /etc/docker/server-key.pem',
    ...KEEP_CONTAINERS,
  ])
  t.equal(
    content(made, '/etc/docker/daemon.json'),
    content(first, '/etc/docker/daemon.json'),
    'daemon.json ends as it was',
  )
  t.same(plan(facts, wanted({ certificatesOnly: true })).steps, [])
  t.same(
    outline(plan({ ...facts, containers: 0, pending: ['engine'] }, wanted({ certificatesOnly: true }))),
    ['systemctl restart docker.service'],
    'files that a cut run wrote are still taken over',
  )
  const cut = { ...facts, restartUnfinished: true, containers: 0 }
  t.same(outline(plan(cut, wanted({ certificatesOnly: true }))), [
    'file /etc/docker/daemon.json',
    'systemctl restart docker.service',
    'remove /etc/docker/daemon.json.before-restart',
  ])
  t.match(failure(() => plan(debianFacts(), renewed)).message, /no engine whose certificate/)
})

t.test('in a swarm the engine is restarted only when told to', async (t) => {
  const facts = debianFacts({ engine: DEBIAN_ENGINE, swarm: true, containers: 3, inDockerGroup: true })
  const refused = failure(() => plan(facts, wanted({ certificatesOnly: true })))
  t.match(refused, { code: 'provision', message: /swarm.*restarts the tasks/, hints: [/--force/] })
  const forced = plan(facts, wanted({ certificatesOnly: true, force: true }))
  t.same(outline(forced), [...TLS_FILES, 'systemctl restart docker.service'])
  t.match(forced.warnings, [/tasks restart/])
  const still = plan(after(facts, plan(facts, wanted({ force: true }))), wanted())
  t.same(still.steps, [], 'nothing to restart, nothing to refuse')
})
