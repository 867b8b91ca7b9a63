/** What GitLab Runner does with a cloud driver: its calls in their order, against the program with the fake driver. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { FakeProvider, type Fault } from '../doubles/fake-driver/provider.js'
import { type Call, GitLabRunner, type RunnerOptions } from '../doubles/gitlab-runner.js'
import { DockerMachineUser } from '../helpers/docker-machine.js'
import { poll } from '../helpers/poll.js'
import { programWithFake } from '../helpers/program-with-fake.js'
import { size } from '../sizes.js'

const TOKEN = 'glpat-of-the-account'
/** As an operator writes them: an empty value, quotes left inside one, an option given twice, and the account's token. */
const OPTIONS = [
  'fake-dir=DIR/%s',
  'fake-note=',
  "engine-install-url='https://example.test/install.sh'",
  'engine-registry-mirror=http://192.0.2.1:6000',
  'engine-registry-mirror=http://192.0.2.2:6000',
  `fake-token=${TOKEN}`,
]

t.setTimeout(600_000)
const { dir: copy, program } = await programWithFake()
t.teardown(() => rmSync(copy, { recursive: true, force: true }))

/** A runner with a store of its own, and an account at the provider for each machine. */
class Bench {
  readonly user = new DockerMachineUser({ program })
  readonly accounts = join(this.user.home, 'accounts')
  readonly runner: GitLabRunner

  constructor(t: Test, options: Partial<RunnerOptions> = {}) {
    const env = { ...this.user.env, PATH: `${this.user.home}:${this.user.env['PATH'] ?? ''}` }
    this.runner = new GitLabRunner({ env, pauseMs: 50, maxRemovalAttempts: 4, ...options })
    t.teardown(() => rmSync(this.user.home, { recursive: true, force: true }))
  }

  /** The provider as one machine's driver sees it. */
  provider(name: string, ...faults: Fault[]): FakeProvider {
    const provider = new FakeProvider(join(this.accounts, name))
    provider.requireToken(TOKEN)
    if (faults.length > 0) provider.script(faults)
    return provider
  }

  async create(name: string, options: readonly string[] = OPTIONS): Promise<Call> {
    return await this.runner.create('fake', this.options(name, options), name)
  }

  options(name: string, options: readonly string[] = OPTIONS): readonly string[] {
    return GitLabRunner.withName(options, name).map((option) => option.replace('DIR', this.accounts))
  }

  ledger(name: string): LedgerRecord {
    const path = join(this.user.store, 'machines', name, 'tsmachine.json')
    return JSON.parse(readFileSync(path, 'utf8')) as LedgerRecord
  }

  /** Files of the store that hold a text, by path below it. */
  filesWith(text: string): readonly string[] {
    const paths = readdirSync(this.user.store, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    return paths.filter((path) => readFileSync(path, 'utf8').includes(text))
  }
}

/** `runner-TOKEN-MACHINENAME` with the time and 8 hex digits, which passes the limit of host names. */
const longName = (n: number): string =>
  `runner-abcdefghi-group-of-shared-runners-with-a-long-description-17001${String(n).padStart(5, '0')}-0a1b2c3d`

t.test('one machine: create, what is read of it, stop and rm, its token given only to create', async (t) => {
  const bench = new Bench(t)
  const { runner } = bench
  const name = longName(1)
  const provider = bench.provider(name)
  t.ok(name.length > 64)
  const created = await bench.create(name)
  t.match(created, { code: 0, stderr: '', stdout: /Creating machine[^]*run: docker-machine env/ })
  t.strictSame(runner.metrics(name), { driver: 'fake' })
  t.match(bench.ledger(name).options.engine, {
    installUrl: "'https://example.test/install.sh'",
    registryMirrors: ['http://192.0.2.1:6000', 'http://192.0.2.2:6000'],
  })
  t.strictSame(bench.ledger(name).driver.config['note'], '')
  t.ok(await runner.exists(name))
  t.equal((await runner.call(['url', name])).stdout, 'tcp://198.51.100.1:2376\n')
  for (const { stdout, stderr } of runner.calls) t.notMatch(stdout + stderr, TOKEN)
  const holding = bench.filesWith(TOKEN)
  t.strictSame(
    holding.map((path) => path.slice(bench.user.store.length).split('/')[1]),
    ['secrets'],
  )
  t.strictSame(runner.list(), [name])
  runner.takeCalls()
  t.equal(await runner.remove(name), 'removed')
  t.strictSame(runner.takeCalls(), [`inspect ${name}`, `stop ${name}`, `rm -y ${name}`])
  t.strictSame([provider.leftovers(), runner.list()], [[], []])
  t.equal(await runner.remove(name), 'skipped', 'and a second time')
})

t.test('a create that fails tells why on stderr, leaves a whole record, and is removed', async (t) => {
  const bench = new Bench(t)
  const { runner } = bench
  const provider = bench.provider('refused', { call: 'createServer', after: 0, kind: 'fail' })
  const refused = await bench.create('refused')
  t.match(refused, { code: 1, stderr: /403 you may not do this/ })
  t.strictSame(runner.metrics('refused'), { driver: 'fake' })
  t.equal(await runner.remove('refused'), 'removed')
  t.strictSame(provider.leftovers(), [])

  const full = await bench.create('full', [...OPTIONS, 'fake-region=full'])
  t.match(full, { code: 3, stderr: /Error with pre-create check: "region full is full"/ })
  t.throws(() => runner.metrics('full'), { code: 'ENOENT' })
  t.equal(await runner.remove('full'), 'skipped', 'nothing was recorded')

  const unknown = await bench.create('unknown', [...OPTIONS, 'fake-regoin=earth'])
  t.match(unknown, { code: 1, stderr: /fake-regoin[^]*--fake-region/ })
  t.strictSame(runner.list(), [])
})

t.test('many creates at once on an empty store leave one authority and whole records', async (t) => {
  const bench = new Bench(t)
  const { runner, user } = bench
  const names = Array.from({ length: size('runnerCreates') }, (_, n) => longName(n))
  const providers = names.map((name) => bench.provider(name))
  const created = await Promise.all(names.map((name) => bench.create(name)))
  for (const { args, code, stderr } of created)
    t.strictSame({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
  for (const name of names) t.strictSame(runner.metrics(name), { driver: 'fake' })
  t.strictSame(runner.list(), [...names].sort())
  const ids = names.map((name) => bench.ledger(name).machineId)
  t.equal(new Set(ids).size, names.length)
  const [ca, certificate, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) =>
    readFileSync(join(user.store, 'certs', file)),
  )
  const client = new X509Certificate(certificate ?? '')
  t.ok(client.verify(new X509Certificate(ca ?? '').publicKey), 'the authority made the client certificate')
  t.ok(client.checkPrivateKey(createPrivateKey(key ?? '')), 'whose key is beside it')
  t.equal(bench.filesWith(TOKEN).length, 1, 'one secret for all')
  t.strictSame(readdirSync(join(user.store, 'locks')), [])

  runner.takeCalls()
  await runner.drain(names)
  t.strictSame(runner.takeCalls().sort(), names.map((name) => `rm -f ${name}`).sort())
  t.strictSame(
    providers.flatMap((provider) => provider.leftovers()),
    [],
  )
  t.strictSame(runner.list(), [])
})

/** The call at which a create is killed: nothing answers it. */
const STAGES = [
  { call: 'createKey', after: 0 },
  { call: 'listServers', after: 0 },
  { call: 'createServer', after: 0 },
  { call: 'listServers', after: 1 },
] as const

t.test('a create killed at any call is removed with all that it made', async (t) => {
  for (const stage of STAGES) {
    const what = `${stage.call} ${stage.after}`
    const bench = new Bench(t)
    const { runner } = bench
    const provider = bench.provider('killed', { ...stage, kind: 'hang' })
    const creating = runner.create('fake', bench.options('killed'), 'killed', (child) => {
      const reached = () => Promise.resolve(provider.countCalls(stage.call) > stage.after)
      void poll(60_000, reached, 10).then(() => child.kill('SIGKILL'))
    })
    t.equal((await creating).signal, 'SIGKILL', what)
    t.strictSame(runner.metrics('killed'), { driver: 'fake' }, what)
    t.equal(await runner.remove('killed'), 'removed', what)
    t.strictSame([provider.leftovers(), runner.list()], [[], []], what)
  }
})

t.test('a create past its limit is killed, and removed as well', async (t) => {
  const bench = new Bench(t, { limitMs: 20_000 })
  const provider = bench.provider('slow', { call: 'createServer', after: 0, kind: 'hang' })
  const { signal } = await bench.runner.call(
    ['create', '--driver', 'fake', ...bench.options('slow').map((option) => `--${option}`), 'slow'],
    3_000,
  )
  t.equal(signal, 'SIGKILL')
  t.equal(await bench.runner.remove('slow'), 'removed')
  t.strictSame(provider.leftovers(), [])
})

t.test('rm succeeds for a server that is gone, tries again, and is forced in the end', async (t) => {
  const bench = new Bench(t)
  const { runner, user } = bench
  const gone = bench.provider('gone')
  await bench.create('gone')
  gone.deleteServer(gone.read().servers[0]?.id ?? '')
  t.equal(await runner.remove('gone'), 'removed')
  t.strictSame(gone.leftovers(), [], 'its key is removed too')

  const refuse = (after: number): Fault => ({ call: 'deleteServer', after, kind: 'fail' })
  const shy = bench.provider('shy')
  await bench.create('shy')
  shy.script([refuse(0), refuse(1)])
  runner.takeCalls()
  t.equal(await runner.remove('shy'), 'removed')
  t.equal(runner.takeCalls().filter((call) => call === 'rm -y shy').length, 3)
  t.strictSame(shy.leftovers(), [])

  const stubborn = bench.provider('stubborn')
  await bench.create('stubborn')
  stubborn.script([0, 1, 2, 3, 4].map(refuse))
  t.equal(await runner.remove('stubborn'), 'forced')
  t.strictSame(runner.list(), [], 'the runner forgets it')
  t.equal(stubborn.leftovers().length, 3)
  const buried = readdirSync(join(user.store, 'machines', '.removed'))
  t.match(buried, [/^stubborn-/], 'we do not')
})

t.test('the double notices a process that holds the output of a call', async (t) => {
  const dir = t.testdir({ 'docker-machine': '#!/bin/sh\necho answer\nsleep 3 &\n' })
  chmodSync(join(dir, 'docker-machine'), 0o755)
  const runner = new GitLabRunner({ env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` }, heldMs: 500 })
  await t.rejects(runner.call(['url', 'web']), /"url web" left holds its output/)
})

t.test('a token for crash reports is taken, and nothing is sent', async (t) => {
  const bench = new Bench(t)
  bench.provider('crash', { call: 'createServer', after: 0, kind: 'fail' })
  let connections = 0
  const proxy = createServer((socket) => void (connections++, socket.destroy())).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()])
  const env = Object.fromEntries(proxies.map((name) => [name, address]))
  const options = bench.options('crash').map((option) => `--${option}`)
  const words = ['--bugsnag-api-token', 'nonsense', 'create', '--driver', 'fake', ...options, 'crash']
  t.match(await bench.user.run(bench.user.link, words, { env }), { code: 1, stderr: /403/ })
  t.equal(connections, 0)
})

t.test('scripts of operators', async (t) => {
  const bench = new Bench(t)
  const { runner, user } = bench
  bench.provider('whole')
  const broken = bench.provider('broken', { call: 'createServer', after: 0, kind: 'fail' })
  await bench.create('whole')
  await bench.create('broken')
  const shell = async (line: string, input = '') =>
    await user.run('sh', ['-c', line], { input, env: runner.env })
  t.match(await shell('docker-machine --version'), { code: 0, stdout: /^docker-machine version / })
  t.equal((await shell('docker-machine ls -q')).stdout, 'broken\nwhole\n')
  const failed = "docker-machine ls -q --filter state=Error --format '{{.NAME}}'"
  t.strictSame(await shell(failed), { code: 0, signal: null, stdout: 'broken\n', stderr: '' })
  t.match(await shell('docker-machine create --driver none --url localhost dummy'), { code: 0, stderr: '' })
  t.match(await shell('docker-machine rm -y dummy'), { code: 0, stderr: '' })
  t.match(await shell('docker-machine rm $(docker-machine ls -q)'), { code: 0 }, 'nobody agreed')
  t.strictSame(runner.list(), ['broken', 'whole'])
  t.match(await shell('docker-machine rm $(docker-machine ls -q)', 'y\n'), { code: 0, stderr: '' })
  t.strictSame(runner.list(), [])
  t.strictSame(broken.leftovers(), [])
  t.notOk(existsSync(join(user.store, 'machines', 'whole')))
})
