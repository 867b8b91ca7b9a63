import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { localClientApi } from '../../src/engine/client-api.js'
import { DockerContexts, type ContextOutcome, type ContextWanted } from '../../src/engine/contexts.js'
import { issueServer } from '../../src/tls/server.js'
import { systemClock } from '../../src/util/clock.js'
import { run, type RunResult } from '../../src/util/exec.js'
import { bootId, hostIdentity } from '../../src/util/process.js'
import { FakeEngine } from '../doubles/engine.js'
import { testCertificates } from '../helpers/certificates.js'

const certificates = await testCertificates()
const { ca, server } = certificates
const engine = await FakeEngine.start({ ca: ca.caPem, ...server, version: '27.9.9' })
t.teardown(async () => {
  await engine.stop()
  certificates.remove()
})

const PATH = process.env['PATH'] ?? ''
const owner = { storeId: 'a'.repeat(32), machineId: 'b'.repeat(32) }

/** A Docker configuration folder and store of its own, with the real client pointed at it. */
class Bench {
  readonly dir = mkdtempSync(join(tmpdir(), 'tsm-context-'))
  readonly configDir = join(this.dir, 'docker')
  readonly storeRoot = join(this.dir, 'store')
  readonly env: Record<string, string | undefined> = { PATH, HOME: this.dir, DOCKER_CONFIG: this.configDir }

  constructor() {
    mkdirSync(this.storeRoot)
    t.teardown(() => rmSync(this.dir, { recursive: true, force: true }))
  }

  contexts(more: Record<string, string> = {}): DockerContexts {
    return new DockerContexts({
      configDir: this.configDir,
      storeRoot: this.storeRoot,
      env: { ...this.env, ...more },
    })
  }

  docker(...args: string[]): Promise<RunResult> {
    return run('docker', args, { env: this.env, deadlineMs: 60_000 })
  }

  async sync(machine: string, more: Partial<ContextWanted> = {}): Promise<string> {
    const outcome = await this.contexts().sync({ ...wanted(machine), ...more })
    if ('skipped' in outcome) throw new Error(outcome.skipped)
    return outcome.name
  }

  config(): string {
    return readFileSync(join(this.configDir, 'config.json'), 'utf8')
  }
}

function wanted(machine: string): ContextWanted {
  return { machine, owner, url: `tcp://127.0.0.1:${engine.port}`, ca: ca.caPem, ...ca.client }
}

t.test('the real client lists, inspects and uses the context that we write', async (t) => {
  const bench = new Bench()
  t.same(await bench.contexts().sync(wanted('web')), { name: 'web', change: 'created' })
  const inspected = JSON.parse((await bench.docker('context', 'inspect', 'web')).stdout) as unknown[]
  t.match(inspected[0], {
    Name: 'web',
    Metadata: { Description: 'tsmachine web', tsmachine: { store: owner.storeId, machine: owner.machineId } },
    Endpoints: { docker: { Host: `tcp://127.0.0.1:${engine.port}`, SkipTLSVerify: false } },
    TLSMaterial: { docker: ['ca.pem', 'cert.pem', 'key.pem'] },
  })
  const version = await bench.docker('--context', 'web', 'version', '--format', '{{.Server.Version}}')
  t.match(version, { code: 0, stdout: '27.9.9\n' })
  const id = readdirSync(join(bench.configDir, 'contexts', 'tls'))[0] ?? ''
  t.equal(statSync(join(bench.configDir, 'contexts', 'tls', id, 'docker', 'key.pem')).mode & 0o777, 0o600)
})

t.test(
  'use makes it current for the client, keeps all other keys and the mode, and goes back with -',
  async (t) => {
    const bench = new Bench()
    mkdirSync(bench.configDir)
    const before = {
      auths: { 'registry.example': { auth: 'eDp5' } },
      credsStore: 'pass',
      psFormat: 'table {{.ID}}',
    }
    writeFileSync(join(bench.configDir, 'config.json'), JSON.stringify(before))
    chmodSync(join(bench.configDir, 'config.json'), 0o640)
    await bench.sync('web')
    t.same(await bench.contexts().use('web'), { name: 'web', previous: 'default', overriddenBy: [] })
    t.equal((await bench.docker('context', 'show')).stdout, 'web\n')
    t.equal((await bench.docker('version', '--format', '{{.Server.Version}}')).stdout, '27.9.9\n')
    t.same(JSON.parse(bench.config()), { ...before, currentContext: 'web' })
    t.equal(statSync(join(bench.configDir, 'config.json')).mode & 0o777, 0o640)

    t.match(await bench.contexts().use('-'), { name: 'default', previous: 'web' })
    t.same(JSON.parse(bench.config()), before)
    t.match(await bench.contexts().use('-'), { name: 'web', previous: 'default' })
    t.equal(await bench.contexts().current(), 'web')
    await t.rejects(bench.contexts().use('nowhere'), { code: 'not-found' })
    t.equal(await bench.contexts().current(), 'web')
    await t.rejects(new Bench().contexts().use('-'), { code: 'usage', message: /no previous/ })
  },
)

t.test('the name is told before anything is written, so that what a crash leaves is found', async (t) => {
  const bench = new Bench()
  const folders = (kind: string): string[] => readdirSync(join(bench.configDir, 'contexts', kind))
  const told: string[] = []
  const announce = (name: string): Promise<void> => {
    told.push(name)
    t.notOk(existsSync(join(bench.configDir, 'contexts')), 'nothing is written yet')
    return Promise.reject(new Error('killed here'))
  }
  await t.rejects(bench.sync('web', { announce }), { message: 'killed here' })
  await bench.sync('web')
  const [id = ''] = folders('meta')
  for (const cut of [`${id}/meta.json`, id]) {
    // Killed after the keys, or while it was removed.
    rmSync(join(bench.configDir, 'contexts/meta', cut), { recursive: true })
    t.same(folders('tls'), [id], 'the key is still there')
    await bench.contexts().remove({ ...owner, machineId: '0'.repeat(32) })
    t.same(folders('tls'), [id], 'nobody else removes it')
    t.equal(await bench.contexts().remove(owner, 'web'), undefined)
    t.same([...folders('tls'), ...folders('meta')], [])
    await bench.sync('web')
  }
  t.same(told, ['web'])
})

t.test(
  'what killed programs left in the client’s folder is swept, the client’s own files stay',
  async (t) => {
    const bench = new Bench()
    await bench.sync('web')
    const key = readdirSync(join(bench.configDir, 'contexts/tls'))[0] ?? ''
    const dead = { ...hostIdentity(), bootId: bootId(), pid: 4_194_303, startTime: '1' }
    const holder = JSON.stringify({ ...dead, what: 'x', since: '', token: 'a' })
    const left = [
      ['.tsmachine.lock', holder],
      [`.tsmachine.lock.${'a'.repeat(24)}.tmp`, holder],
      ['.config.json.0123456789ab.tmp', '{"auths":{}}'],
      [`contexts/tls/${key}/docker/.key.pem.0123456789ab.tmp`, 'half a key'],
    ] as const
    const others = ['config.json', 'config.json123', '.token_seed.lock']
    for (const [name, text] of [...left, ...others.map((name) => [name, '{}'] as const)])
      writeFileSync(join(bench.configDir, name), text)
    const later = { ...systemClock, now: () => new Date(Date.now() + 2 * 3_600_000) }
    const swept = await bench.contexts().sweep(later)
    // What a lock was made of may go with the lock.
    for (const [name] of left.filter(([name]) => !name.startsWith('.tsmachine.lock.')))
      t.ok(swept.includes(join(bench.configDir, name)), name)
    for (const [name] of left) t.notOk(existsSync(join(bench.configDir, name)), name)
    for (const name of others) t.ok(existsSync(join(bench.configDir, name)), name)
    t.equal((await bench.docker('context', 'inspect', 'web')).code, 0)
  },
)

t.test('variables that win over the current context are named', async (t) => {
  const bench = new Bench()
  await bench.sync('web')
  const used = await bench
    .contexts({ DOCKER_HOST: 'tcp://192.0.2.1:2376', DOCKER_CONTEXT: 'other' })
    .use('web')
  t.same(used.overriddenBy, ['DOCKER_HOST=tcp://192.0.2.1:2376', 'DOCKER_CONTEXT=other'])
  t.same(bench.contexts({ DOCKER_HOST: '' }).overrides(), [], 'an empty variable counts as unset')
})

t.test(
  'names that the client refuses, and names of others, get a prefix; others are never touched',
  async (t) => {
    const bench = new Bench()
    t.equal(await bench.sync('default'), 'tsmachine-default')
    t.equal(await bench.sync('x', { owner: { ...owner, machineId: 'c'.repeat(32) } }), 'tsmachine-x')
    t.equal(
      (await bench.docker('context', 'create', 'mine', '--docker', 'host=tcp://192.0.2.9:2375')).code,
      0,
    )
    const third = { ...owner, machineId: 'd'.repeat(32) }
    t.equal(await bench.sync('mine', { owner: third }), 'tsmachine-mine')
    const foreign = { storeId: 'e'.repeat(32), machineId: 'f'.repeat(32) }
    t.equal(await bench.sync('mine', { owner: foreign }), 'tsmachine-mine-ffffffff')
    t.equal(await bench.contexts().remove({ ...foreign, machineId: '0'.repeat(32) }, 'mine'), undefined)
    const mine = await bench.docker('context', 'inspect', '-f', '{{.Endpoints.docker.Host}}', 'mine')
    t.equal(mine.stdout, 'tcp://192.0.2.9:2375\n')
    const listed = (await bench.docker('context', 'ls', '-q')).stdout.trim().split('\n').sort()
    t.same(listed, [
      'default',
      'mine',
      'tsmachine-default',
      'tsmachine-mine',
      'tsmachine-mine-ffffffff',
      'tsmachine-x',
    ])
  },
)

t.test(
  'a changed port and renewed certificates update the same context; what the user added stays',
  async (t) => {
    const bench = new Bench()
    await bench.sync('web')
    await bench.docker('context', 'update', 'web', '--description', 'my own words')
    const next = await testCertificates()
    t.teardown(() => next.remove())
    const pair = await issueServer({ ca: next.ca, name: 'web', sans: ['127.0.0.1'] })
    const moved = await FakeEngine.start({ ca: next.ca.caPem, ...pair, version: '28.0.1' })
    t.teardown(() => moved.stop())
    const change: ContextWanted = {
      ...wanted('web'),
      recorded: 'web',
      url: `tcp://127.0.0.1:${moved.port}`,
      ca: next.ca.caPem,
      ...next.ca.client,
    }
    t.same(await bench.contexts().sync(change), { name: 'web', change: 'updated' })
    t.same(await bench.contexts().sync(change), { name: 'web', change: 'none' })
    t.match(await bench.docker('--context', 'web', 'version', '--format', '{{.Server.Version}}'), {
      stdout: '28.0.1\n',
    })
    t.match((await bench.docker('context', 'inspect', 'web')).stdout, /"Description": "my own words"/)
  },
)

t.test(
  'a context made before a crash is found by its mark, though the record has no name of it',
  async (t) => {
    const bench = new Bench()
    await bench.docker('context', 'create', 'web')
    t.equal(await bench.sync('web'), 'tsmachine-web')
    await bench.docker('context', 'rm', 'web')
    t.same(await bench.contexts().sync(wanted('web')), { name: 'tsmachine-web', change: 'none' })
    t.equal(await bench.contexts().remove(owner), 'tsmachine-web')
    t.equal(await bench.contexts().remove(owner), undefined, 'removing it twice is no failure')
  },
)

t.test('removing the current context makes default current', async (t) => {
  const bench = new Bench()
  await bench.sync('web')
  await bench.contexts().use('web')
  t.equal(await bench.contexts().remove(owner, 'web'), 'web')
  t.equal((await bench.docker('context', 'show')).stdout, 'default\n')
  t.equal((await bench.docker('context', 'ls', '-q')).stdout, 'default\n')
  t.same(readdirSync(join(bench.configDir, 'contexts', 'tls')), [])
  await bench.sync('web')
  await bench.contexts().use('web')
  await bench.contexts().use('default')
  await bench.contexts().remove(owner, 'web')
  await t.rejects(bench.contexts().use('-'), { code: 'usage' }, 'a removed context is not gone back to')
})

t.test('without a docker client nothing is made and one line says so', async (t) => {
  const bench = new Bench()
  const outcome: ContextOutcome = await bench.contexts({ PATH: bench.dir }).sync(wanted('web'))
  t.match(outcome, { skipped: /No docker client/ })
  t.throws(() => readdirSync(bench.configDir), { code: 'ENOENT' })
  t.equal(await localClientApi({ PATH: bench.dir }), undefined)
})

t.test('a client configuration that is no JSON is left as it is, and the error names it', async (t) => {
  const bench = new Bench()
  await bench.sync('web')
  for (const text of ['{"auths":', '[]']) {
    writeFileSync(join(bench.configDir, 'config.json'), text)
    await t.rejects(bench.contexts().use('web'), { code: 'engine', message: /config\.json is not/ })
    t.equal(bench.config(), text)
  }
})

t.test('the local client says which API it speaks, whatever variables point elsewhere', async (t) => {
  const bench = new Bench()
  const more = { DOCKER_HOST: 'tcp://192.0.2.1:2376', DOCKER_API_VERSION: '1.30' }
  t.match(await localClientApi({ ...bench.env, ...more }), /^1\.\d\d/)
  t.not(await localClientApi({ ...bench.env, ...more }), '1.30')
})
