/** The verbs that are answered without the program say byte for byte what the program says, and really are. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { driverNames, loadFactory } from '../../src/drivers/registry.js'
import { uuidOf } from '../../src/drivers/qemu/argv.js'
import { newHostRecord, newLedger } from '../../src/store/records.js'
import { Store } from '../../src/store/store.js'
import { bootId, processStart } from '../../src/util/process.js'
import { ensureCa } from '../../src/tls/authority.js'
import { issueServer } from '../../src/tls/server.js'
import { FakeEngine } from '../doubles/engine.js'
import { testCertificates } from '../helpers/certificates.js'
import { type Outcome, PROGRAM, TestUser } from '../helpers/cli.js'
import { driverRecord, machineOptions, recordedDrivers } from '../helpers/records.js'

t.setTimeout(600_000)

const me = new TestUser()
const store = new Store(me.store)
const PRELOADED = fileURLToPath(new URL('../helpers/loaded-files.cjs', import.meta.url))
const VM_ID = 'fa57'.repeat(8)
/** Shows the mark that our VMs have, and nothing else of one. */
const vm = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)', uuidOf(VM_ID)], { stdio: 'ignore' })

t.before(async () => {
  for (const driver of recordedDrivers()) foreign(`theirs-${driver}`, driverRecord(driver))
  await own('running', vm.pid ?? 0)
  await own('stopped', 999_999_999)
  await me.ok(['create', '-d', 'none', '--url', 'tcp://192.0.2.7:2376', 'default'])
  await me.ok(['create', '-d', 'none', '--url', 'tcp://[2001:db8::1]:2376', 'web'])
})
t.teardown(() => {
  vm.kill('SIGKILL')
  rmSync(me.home, { recursive: true, force: true })
})

function foreign(name: string, config: string): void {
  mkdirSync(join(me.store, 'machines', name), { recursive: true })
  writeFileSync(join(me.store, 'machines', name, 'config.json'), config)
}

/** A VM of ours whose process has this pid. */
async function own(name: string, pid: number): Promise<void> {
  const factory = await loadFactory('qemu')
  const options = machineOptions()
  const parsed = factory.parse({})
  const config = 'config' in parsed ? parsed.config : {}
  const identity = { pid, startTime: processStart(pid) ?? '1', bootId: bootId() }
  const place = {
    control: '',
    forwarder: '',
    accel: 'tcg',
    address: '127.0.0.1',
    sshPort: 22022,
    enginePort: 22376,
  }
  const resources = [
    { kind: 'vm', key: 'vm', id: VM_ID, state: 'made' as const, attributes: { ...identity, ...place } },
  ]
  const first = { machineId: VM_ID, driver: { name: 'qemu', config }, options, now: new Date(0) }
  const ledger = { ...newLedger(first), phase: 'ready' as const, resources }
  const driverFields = factory.record.toFields(config, resources)
  await store.create(name, {
    ledger,
    config: newHostRecord({ name, store: me.store, driverName: 'qemu', driverFields, options }),
  })
}

interface Run extends Outcome {
  /** Files of the program that it loaded. */
  readonly loaded: string
}

let runs = 0

async function run(args: readonly string[], env: Record<string, string>, calledAs: string): Promise<Run> {
  const report = join(me.home, `loaded-${++runs}`)
  writeFileSync(report, '')
  const outcome = await me.tsmachine(args, {
    env: {
      TSMACHINE_CALLED_AS: calledAs,
      NODE_OPTIONS: `--require ${PRELOADED}`,
      TEST_LOADED_FILES: report,
      ...env,
    },
  })
  return { ...outcome, loaded: readFileSync(report, 'utf8').trim() }
}

async function bothWays(
  args: readonly string[],
  env: Record<string, string> = {},
  calledAs = 'tsmachine',
): Promise<[Run, Run]> {
  return await Promise.all([
    run(args, env, calledAs),
    run(args, { ...env, TSMACHINE_NO_FAST: '1' }, calledAs),
  ])
}

type Way = 'fast' | 'whole'

/** [arguments, who answers, environment] */
const FORMS: readonly (readonly [args: string, way: Way, env?: Record<string, string>])[] = [
  ...['env', 'ip', 'url', 'inspect'].flatMap((verb) => [
    ...['running', 'web', ''].map((name) => [`${verb} ${name}`.trim(), 'fast'] as const),
    [`${verb} stopped`, verb === 'inspect' ? 'fast' : 'whole'] as const,
    [`${verb} missing`, 'whole'] as const,
    [`${verb} broken`, 'whole'] as const,
    [`${verb} ../web`, 'whole'] as const,
    [`${verb} --help`, 'whole'] as const,
    [`${verb} web --json`, 'whole'] as const,
    [`${verb} web --bogus`, 'whole'] as const,
  ]),
  ...['bash', 'fish', 'powershell', 'cmd', 'tcsh', 'emacs', 'nushell', 'json', 'none-such'].map(
    (shell) => [`env --shell ${shell} web`, 'fast'] as const,
  ),
  ['env -u', 'fast'],
  ['env -u web', 'whole'],
  ['env --no-proxy web', 'fast', { no_proxy: 'a,b' }],
  ['env --swarm web', 'whole'],
  ['env web', 'fast', { SHELL: '/usr/bin/fish' }],
  ['env web', 'whole', { SHELL: '' }],
  ['env web', 'whole', { MACHINE_DEBUG: '1' }],
  ['env -D web', 'whole'],
  ['ip web running', 'whole'],
  ['url web running', 'whole'],
  ['active', 'fast', { DOCKER_HOST: 'tcp://192.0.2.7:2376' }],
  ['active', 'fast', { DOCKER_HOST: 'tcp://127.0.0.1:22376' }],
  ['active', 'whole', { DOCKER_HOST: 'tcp://192.0.2.99:1' }],
  ['active', 'whole'],
  ['inspect -f {{.DriverName}} web', 'fast'],
  ['inspect --format {{json(.Driver)}} web', 'whole'],
  ['inspect -f {{.Driver.URL}}{{.HostKey}} web', 'fast'],
  ['inspect -f {{.Bad web', 'whole'],
  ['ls -q', 'whole'],
  ['ls -q --filter driver=none', 'whole'],
]

for (const calledAs of ['tsmachine', 'docker-machine'])
  t.test(`as ${calledAs} both ways say the same`, async (t) => {
    foreign('broken', '{"ConfigVersion": 3')
    // What differs by name is how an answer and an error are worded.
    const forms =
      calledAs === 'tsmachine' ? FORMS : FORMS.filter(([line]) => /^env|^active|stopped$/.test(line))
    for (const [line, way, env = {}] of forms) {
      const args = line.split(' ')
      const what = `${Object.entries(env).join(' ')} ${line}`
      const [{ loaded, ...fast }, { loaded: all, ...whole }] = await bothWays(args, env, calledAs)
      t.same(fast, whole, what)
      t.equal(loaded.includes('main.cjs') ? 'whole' : 'fast', way, `who answers ${what}`)
      t.match(all, /main\.cjs/)
      t.notMatch(`${loaded} ${all}`, /axios|ssh2|client-ec2|forge/, `no library for ${what}`)
    }
    rmSync(join(me.store, 'machines', 'broken'), { recursive: true })
    const names = await run(['ls', '-q'], {}, calledAs)
    t.match(names, { code: 0, loaded: 'fast.cjs', stdout: /^default\nrunning\nstopped\n/ })
  })

t.test('records of every driver, ours and those that are not here, are read in both ways', async (t) => {
  t.ok(driverNames().every((name) => recordedDrivers().includes(name)))
  for (const driver of recordedDrivers())
    for (const verb of ['env', 'inspect']) {
      const [{ loaded, ...fast }, { loaded: _all, ...whole }] = await bothWays([verb, `theirs-${driver}`])
      t.same(fast, whole, `${verb} of a machine of driver ${driver}`)
      if (whole.code === 0) t.equal(loaded, 'fast.cjs', `${verb} of driver ${driver} is answered fast`)
    }
})

/** An engine on loopback as machine `name`, with a certificate of the store's authority for `sans`, or of another one. */
async function engine(name: string, sans: readonly string[], foreignCa = false): Promise<FakeEngine> {
  const other = await testCertificates({ sans })
  t.teardown(() => other.remove())
  const ca = foreignCa ? other.ca : await ensureCa(join(me.store, 'certs'))
  const pair = foreignCa ? other.server : await issueServer({ ca, name, sans })
  const made = await FakeEngine.start({ ...pair, ca: ca.caPem })
  t.teardown(() => made.stop())
  await me.ok(['create', '-d', 'none', '--url', `tcp://127.0.0.1:${made.port}`, name])
  return made
}

t.test('config tries the engine: a good one without the program, any other with all its words', async (t) => {
  const good = await engine('good', ['127.0.0.1'])
  await engine('renamed', ['192.0.2.1'])
  await engine('alien', ['127.0.0.1'], true)
  const forms: readonly (readonly [line: string, way: Way])[] = [
    ['config good', 'fast'],
    ['config good default', 'whole'],
    ...['renamed', 'alien', 'missing', 'stopped'].map((name) => [`config ${name}`, 'whole'] as const),
    ...['--swarm good', 'good --json', '--help', '-D good'].map(
      (rest) => [`config ${rest}`, 'whole'] as const,
    ),
  ]
  for (const [line, way] of forms) {
    const [{ loaded, ...fast }, { loaded: _all, ...whole }] = await bothWays(line.split(' '))
    t.same(fast, whole, line)
    t.equal(loaded.includes('main.cjs') ? 'whole' : 'fast', way, `who answers ${line}`)
  }
  const before = good.requests.length
  t.equal((await run(['config', 'good'], {}, 'tsmachine')).code, 0)
  t.equal(good.requests.length - before, 1, 'one question')
  await good.stop()
  const [{ loaded, ...gone }, { loaded: _all, ...same }] = await bothWays(['config', 'good'])
  t.same(gone, same)
  t.match({ gone, loaded }, { gone: { code: 1 }, loaded: /main/ })
})

t.test('a reader that goes away, and a disk that is full, end it as they end the program', async (t) => {
  const shell = async (script: string, env: Record<string, string> = {}): Promise<Outcome> =>
    await me.run('sh', ['-c', script, process.execPath, PROGRAM], { env })
  for (const script of ['"$0" "$1" inspect web >/dev/full', '"$0" "$1" ls -q | true']) {
    const fast = await shell(script)
    t.same(fast.code, (await shell(script, { TSMACHINE_NO_FAST: '1' })).code, script)
  }
})
