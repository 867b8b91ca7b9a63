/** What a user chooses reaches the engine as it was typed, whatever reads it on the host. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { plan } from '../../../provision/plan.js'
import { ENVIRONMENTS, parseEnvironment } from '../../../provision/plans/environment.js'
import { withBlock, withoutBlock } from '../../../provision/plans/options-file.js'
import { ensureCa } from '../../../src/tls/authority.js'
import { certificateInfo, needsRenewal } from '../../../src/tls/inspect.js'
import { issueServer } from '../../../src/tls/server.js'
import { hostileValues } from '../../helpers/hostile-values.js'
import { content, daemon, debianFacts, failure, imageFacts, wanted } from '../../helpers/provision-input.js'
import { parseSystemdEnvironment } from '../../helpers/systemd-environment.js'
import { size } from '../../sizes.js'

const VALUES = hostileValues(size('hostileValues'))
const ENTRIES = VALUES.map((value, index) => `V${index}=${value}`)
const SHELLS = [['dash'], ['busybox', 'ash'], ['bash', '--posix'], ['bash']]

const dir = mkdtempSync(join(tmpdir(), 'tsm-hostile-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

/** The variables that a shell has after a script. */
function variables(shell: readonly string[], script: string): Record<string, string> {
  const text = execFileSync(shell[0] ?? '', [...shell.slice(1), '-c', `${script}\nexec env -0`], {
    env: { PATH: process.env['PATH'] ?? '' },
    // bash takes a socket for a login from afar, and reads its start files.
    stdio: ['ignore', 'pipe', 'inherit'],
  }).toString()
  return Object.fromEntries(
    text
      .split('\0')
      .filter((entry) => /^V\d+=/.test(entry))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  )
}

const expected = Object.fromEntries(VALUES.map((value, index) => [`V${index}`, value]))

t.test('environment: systemd reads back what was meant', async (t) => {
  t.same(parseSystemdEnvironment(ENVIRONMENTS.systemd(ENTRIES)), expected)
})

t.test('environment: service scripts read back what was meant, in every shell', async (t) => {
  const path = join(dir, 'engine.env')
  writeFileSync(path, ENVIRONMENTS.openrc(ENTRIES))
  t.equal(ENVIRONMENTS.boot2docker(ENTRIES), ENVIRONMENTS.openrc(ENTRIES))
  const facts = debianFacts({
    init: 'openrc',
    engine: { ...engine, optionsFile: { path: '/etc/conf.d/docker', text: '' } },
  })
  const conf = content(plan(facts, wanted({}, { env: ['A=b'] })), '/etc/conf.d/docker')
  for (const shell of SHELLS)
    t.same(variables(shell, conf.replaceAll('/etc/docker/engine.env', path)), expected, shell.join(' '))
})

t.test('environment: our image reads back what was meant', async (t) => {
  const path = join(dir, 'literal.env')
  writeFileSync(path, ENVIRONMENTS.tsmachine(ENTRIES))
  const service = readFileSync('image-build/guest/bin/tsmachine-service', 'utf8')
  const reader = /^\t*while IFS= read -r line; do\n[^]*?^\t*END$/m.exec(service)?.[0] ?? ''
  t.match(reader, '/etc/docker/engine.env')
  t.same(variables(['busybox', 'ash'], reader.replaceAll('/etc/docker/engine.env', path)), expected)
})

t.test('environment: what a reader would lose is refused', async (t) => {
  for (const bad of [
    'X=a\nb',
    'X=a\rb',
    'X=\u0001',
    'X=\u007f',
    'X=\u0085',
    'X=\u001b[31m',
    '=x',
    'X',
    'X Y=z',
    '1=x',
  ])
    t.match(
      failure(() => parseEnvironment([bad])),
      { code: 'usage' },
      JSON.stringify(bad),
    )
})

const engine = {
  path: '/usr/bin/dockerd',
  version: '26.1.5',
  state: 'ready',
  socketActivated: false,
  service: 'docker',
  enabled: true,
  ours: false,
  execStart: '',
} as const

t.test('labels, mirrors and options arrive as they were typed, and nowhere else than in JSON', async (t) => {
  const values = VALUES.filter(Boolean)
  const choices = {
    labels: values.map((value) => `l=${value}`),
    registryMirrors: values,
    insecureRegistries: values,
    opts: ['log-driver=local', ...values.map((value, index) => `log-opt=k${index}=${value}`)],
  }
  const hosts = [
    imageFacts(),
    debianFacts(),
    debianFacts({ engine: { ...engine, execStart: '/usr/bin/dockerd' } }),
    debianFacts({ init: 'openrc' }),
    debianFacts({ init: 'openrc', engine }),
    debianFacts({ init: 'boot2docker', engine }),
  ]
  for (const facts of hosts) {
    const made = plan(facts, wanted({}, choices))
    const path = facts.init === 'boot2docker' ? '/var/lib/boot2docker/etc/docker/daemon.json' : undefined
    t.match(daemon(made, path), {
      labels: choices.labels,
      'registry-mirrors': values,
      'insecure-registries': values,
      'log-opts': Object.fromEntries(values.map((value, index) => [`k${index}`, value])),
    })
    const others = made.steps.filter((step) => step.kind !== 'file' || !step.path.endsWith('daemon.json'))
    t.notMatch(JSON.stringify(others), '$(id)', facts.init)
  }
})

t.test('the lines of an options file that are not ours stay as they are', async (t) => {
  for (const value of VALUES) {
    const own = `DOCKER_OPTS='${value.replaceAll("'", '')}'\n# ${value}`
    const once = withBlock(own, ['X=1'])
    t.equal(withoutBlock(once), `${own}\n`)
    t.equal(withBlock(once, ['X=1']), once, 'a second time changes nothing')
    t.match(withBlock(once, ['X=2']), 'X=2')
  }
})

t.test('names in the certificate arrive as they were typed', async (t) => {
  const ca = await ensureCa(dir)
  const ascii = VALUES.map((value) => value.replace(/[^\x20-\x7e]/g, '').trim()).filter(Boolean)
  const sans = [...ascii, 'büro.example', 'fe80::1%eth0', '[::1]', '*.example.org']
  const { cert } = await issueServer({ ca, name: 'web', sans })
  const found = certificateInfo(cert).sans
  for (const san of ascii) t.ok(found.includes(san.toLowerCase()), JSON.stringify(san))
  for (const san of ['xn--bro-hoa.example', 'fe80::1', '::1', '*.example.org']) t.ok(found.includes(san), san)
  t.equal(needsRenewal(cert, { sans, caPem: ca.caPem }), undefined, 'and are not asked for again')
})
