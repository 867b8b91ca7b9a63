import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverFactory } from '../../../src/contracts/driver.js'
import { DOCKER_MACHINE_PROFILE } from '../../../src/contracts/profile.js'
import type { MachineState } from '../../../src/contracts/state.js'
import { factory as none } from '../../../src/drivers/none/index.js'
import { activeMachine } from '../../../src/machine/active.js'
import { engineUrl, machineAddress } from '../../../src/machine/address.js'
import { clientConfig } from '../../../src/machine/client-config.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { examine } from '../../../src/machine/doctor.js'
import { machineVersion } from '../../../src/machine/engine-version.js'
import { envVariables } from '../../../src/machine/env.js'
import { changeForward, listForwards, parseForward } from '../../../src/machine/forward.js'
import { inspectMachine } from '../../../src/machine/inspect.js'
import { listNames } from '../../../src/machine/list-names.js'
import { listMachines } from '../../../src/machine/list.js'
import { parseFilter } from '../../../src/machine/list-filter.js'
import { engineLogCommand, machineLogs } from '../../../src/machine/logs.js'
import { resolveName, resolveNames, withMachines } from '../../../src/machine/names.js'
import { machineStatus } from '../../../src/machine/status.js'
import { newHostRecord, newLedger } from '../../../src/store/records.js'
import { FakeEngine } from '../../doubles/engine.js'
import { testCertificates } from '../../helpers/certificates.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

interface Wish {
  readonly driver?: string
  readonly url?: string
  readonly labels?: readonly string[]
  readonly extra?: Readonly<Record<string, string>>
}

/** Records a machine of driver `none` (or one that stands in for another driver). */
async function record(ctx: MachineContext, name: string, wish: Wish = {}): Promise<string> {
  const config = { url: wish.url ?? 'tcp://192.0.2.1:2376', ...wish.extra }
  const options = machineOptions({ labels: wish.labels ?? [] })
  const driver = wish.driver ?? 'none'
  const ledger = {
    ...newLedger({
      machineId: Buffer.from(name.padEnd(16)).toString('hex'),
      driver: { name: driver, config },
      options,
      now: new Date(),
    }),
    phase: 'ready' as const,
  }
  const driverFields = { ...none.record.toFields(config, []), ...wish.extra }
  await ctx.store.create(name, {
    ledger,
    config: newHostRecord({ name, store: ctx.store.root, driverName: driver, driverFields, options }),
  })
  return ctx.store.dir(name)
}

function breakRecord(ctx: MachineContext, name: string, text: string): void {
  const dir = join(ctx.store.root, 'machines', name)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'config.json'), text)
}

/** Driver `none` with states of the test's own. */
function withStates(
  states: (ids: readonly string[], signal: AbortSignal) => Promise<MachineState>,
  local?: MachineState,
): DriverFactory {
  return {
    ...none,
    name: 'scripted',
    async open(deps) {
      const driver = await none.open(deps)
      return {
        preflight: (spec, signal) => driver.preflight(spec, signal),
        create: (spec, signal) => driver.create(spec, signal),
        endpoint: (machine) => driver.endpoint(machine),
        remove: (machine, signal) => driver.remove(machine, signal),
        ...(local === undefined ? {} : { localState: () => local }),
        async states(machines, signal) {
          const ids = machines.map((machine) => machine.id)
          const state = await states(ids, signal)
          return ids.map((id) => ({ id, state }))
        },
      }
    },
  }
}

function context(
  t: Test,
  options: Partial<Parameters<typeof machineContext>[0]> = {},
): ReturnType<typeof machineContext> {
  return machineContext({ dir: scratchDir(t), ...options })
}

const quick = { filters: [], timeoutMs: 2_000 }

t.test('names: those given, else default, unknown ones before anything is done', async (t) => {
  const ctx = context(t)
  t.throws(() => resolveNames(ctx, []), {
    code: 'usage',
    message: 'Error: No machine name(s) specified and no "default" machine exists',
  })
  await record(ctx, 'default')
  await record(ctx, 'web')
  t.same(resolveNames(ctx, []), ['default'])
  t.same(resolveNames(ctx, ['web', 'default', 'web']), ['web', 'default'], 'a name twice is done once')
  t.throws(() => resolveNames(ctx, ['web', 'wep']), {
    code: 'not-found',
    message:
      'Docker machine "wep" does not exist. Use "tsmachine ls" to list machines. Use "tsmachine create" to add a new one.',
    hints: ['Did you mean web?'],
  })
  t.throws(() => resolveName(ctx, ['web', 'default']), {
    message: 'Error: Expected one machine name as an argument',
  })
  t.throws(() => resolveNames(ctx, ['../store']), { code: 'not-found' }, 'a name is never a path')
})

t.test('one verb on many machines runs all to the end and tells every failure', async (t) => {
  const done: string[] = []
  const work = async (name: string): Promise<string> => {
    await Promise.resolve()
    done.push(name)
    if (name.startsWith('bad')) throw new Error(`${name} failed`)
    return name.toUpperCase()
  }
  t.same(await withMachines(['b', 'a'], work), [
    { name: 'b', value: 'B' },
    { name: 'a', value: 'A' },
  ])
  await t.rejects(withMachines(['bad1', 'x', 'bad2'], work), { message: 'bad1 failed\nbad2 failed' })
  t.same(done, ['b', 'a', 'bad1', 'x', 'bad2'])
})

t.test('url, ip and env come from the record alone', async (t) => {
  const ctx = context(t)
  const dir = await record(ctx, 'web', { url: 'tcp://[2001:db8::1]:2376' })
  t.match(await machineAddress(ctx, 'web'), { ip: '2001:db8::1', url: 'tcp://[2001:db8::1]:2376' })
  const { variables } = await envVariables(ctx, 'web')
  t.same(variables, [
    ['DOCKER_TLS_VERIFY', '1'],
    ['DOCKER_HOST', 'tcp://[2001:db8::1]:2376'],
    ['DOCKER_CERT_PATH', dir],
    ['DOCKER_MACHINE_NAME', 'web'],
  ])
  t.equal(engineUrl({ host: '::1', port: 1 }), 'tcp://[::1]:1')
})

t.test('a machine that this computer knows to be down has no address', async (t) => {
  const factories = { scripted: withStates(() => Promise.resolve('Stopped'), 'Stopped') }
  const ctx = context(t, { factories })
  await record(ctx, 'web', { driver: 'scripted' })
  await t.rejects(machineAddress(ctx, 'web'), { code: 'not-running', message: 'Host is not running' })
  await t.rejects(envVariables(ctx, 'web'), { code: 'not-running' })
})

t.test("status is the driver's word, its failure in docker-machine's text", async (t) => {
  const factories = { scripted: withStates(() => Promise.reject(new Error('the API is down'))) }
  const ctx = context(t, { factories })
  await record(ctx, 'web')
  await record(ctx, 'cloud', { driver: 'scripted' })
  t.equal(await machineStatus(ctx, 'web'), 'Running')
  await t.rejects(machineStatus(ctx, 'cloud'), {
    message: 'error getting state for host cloud: the API is down',
  })
})

t.test('active finds the machine of DOCKER_HOST and survives bad records', async (t) => {
  const dir = scratchDir(t)
  const ctx = machineContext({ dir, env: { DOCKER_HOST: 'tcp://192.0.2.2:2376/' } })
  await record(ctx, 'a')
  await record(ctx, 'b', { url: 'tcp://192.0.2.2:2376' })
  breakRecord(ctx, 'broken', '{')
  t.equal(await activeMachine(ctx, 1_000), 'b')
  await t.rejects(activeMachine(machineContext({ dir }), 1_000), {
    code: 'not-running',
    message: 'No active host found',
  })
})

t.test("inspect shows docker-machine's document, ours beside it, and no secret", async (t) => {
  const ctx = context(t)
  await record(ctx, 'web', { extra: { AccessToken: 'hunter2', Password: '' } })
  const document = await inspectMachine(ctx, 'web')
  t.match(document, {
    Name: 'web',
    DriverName: 'none',
    Driver: { AccessToken: '[secret]', Password: '' },
    Tsmachine: { schemaVersion: 1 },
  })
  t.notMatch(JSON.stringify(document), /hunter2/)
  t.equal(document['HostKey'], null)
})

t.test('ls: every kind of bad record is an error row, and all others work', async (t) => {
  const ctx = context(t)
  await record(ctx, 'a10')
  await record(ctx, 'a2')
  breakRecord(ctx, 'b-empty', '')
  breakRecord(ctx, 'c-broken', '{"ConfigVersion": 3,')
  breakRecord(ctx, 'd-newer', '{"ConfigVersion": 4}')
  mkdirSync(join(ctx.store.root, 'machines', 'e-bare'))
  await record(ctx, 'f-driver', { driver: 'nosuch' })
  const rows = await listMachines(ctx, quick)
  t.same(
    rows.map((row) => row.name),
    ['a2', 'a10', 'b-empty', 'c-broken', 'd-newer', 'e-bare', 'f-driver'],
  )
  for (const row of rows.slice(2, 6)) t.match(row, { driver: 'not found', state: 'Error', url: '' }, row.name)
  for (const row of rows.slice(2, 7)) t.not(row.error, '', row.name)
  t.match(rows[6], { driver: 'nosuch', engine: 'Unknown', error: /Driver "nosuch" not found/ })
  t.match(rows[0], { state: 'Running', url: 'tcp://192.0.2.1:2376' })
  t.same(listNames(ctx), {
    names: ['a10', 'a2', 'f-driver'],
    unloadable: ['b-empty', 'c-broken', 'd-newer', 'e-bare'],
  })
})

t.test('ls: a driver that fails or does not answer costs its own rows only', async (t) => {
  const calls: (readonly string[])[] = []
  const hang = withStates((ids, signal) => {
    calls.push(ids)
    return new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    )
  })
  const ctx = context(t, {
    factories: {
      hang: { ...hang, name: 'hang' },
      fail: { ...withStates(() => Promise.reject(new Error('401 bad token'))), name: 'fail' },
    },
  })
  await record(ctx, 'h1', { driver: 'hang' })
  await record(ctx, 'h2', { driver: 'hang' })
  await record(ctx, 'x', { driver: 'fail' })
  const rows = await listMachines(ctx, quick)
  t.match(rows, [
    { state: 'Timeout', url: '', engine: '' },
    { state: 'Timeout' },
    { state: 'Error', error: '401 bad token' },
  ])
  t.equal(calls.length, 1, 'one call for all machines of a driver')
})

t.test('ls: engine version, active mark and certificate age', async (t) => {
  const certificates = await testCertificates()
  const engine = await FakeEngine.start({
    ca: certificates.ca.caPem,
    cert: certificates.server.cert,
    key: certificates.server.key,
    version: '27.5.1',
  })
  t.teardown(async () => {
    await engine.stop()
    certificates.remove()
  })
  const url = `tcp://127.0.0.1:${engine.port}`
  const ctx = context(t, { env: { DOCKER_HOST: url } })
  const dir = await record(ctx, 'web', { url })
  for (const file of ['ca.pem', 'cert.pem', 'key.pem'])
    writeFileSync(join(dir, file), await readFrom(certificates.dir, file))
  const ending = await testCertificates({ now: new Date(Date.now() - 810 * 86_400_000) })
  t.teardown(() => ending.remove())
  writeFileSync(join(dir, 'server.pem'), ending.server.cert)
  const [row] = await listMachines(ctx, { filters: [], timeoutMs: 5_000 })
  t.match(row, { engine: 'v27.5.1', active: true, error: '', state: 'Running' })
  t.ok((row?.certificateDays ?? 99) < 30)
  engine.failWith = 400
  t.match(await listMachines(ctx, { filters: [], timeoutMs: 5_000 }), [{ engine: 'Unknown', error: /400/ }])
})

t.test('config proves the engine before it answers, and says what is wrong with it', async (t) => {
  const certificates = await testCertificates()
  const { cert, key } = certificates.server
  const engine = await FakeEngine.start({ ca: certificates.ca.caPem, cert, key })
  const other = await testCertificates()
  t.teardown(async () => {
    await engine.stop()
    certificates.remove()
    other.remove()
  })
  const ctx = context(t)
  const url = `tcp://127.0.0.1:${engine.port}`
  const dir = await record(ctx, 'web', { url })
  const prefix = 'Error running connection boilerplate: Error checking and/or regenerating the certs: '
  await t.rejects(clientConfig(ctx, 'web'), {
    code: 'tls',
    message: new RegExp(`^${prefix}.*ca\\.pem is missing$`),
  })
  await giveClientFiles(dir, certificates.dir)
  t.match(await clientConfig(ctx, 'web'), {
    url,
    caPath: join(dir, 'ca.pem'),
    keyPath: join(dir, 'key.pem'),
    renewed: false,
  })
  t.equal(await machineVersion(ctx, 'web'), '27.5.1')
  await giveClientFiles(dir, other.dir)
  await t.rejects(clientConfig(ctx, 'web'), {
    message: /There was an error validating certificates for host "127\.0\.0\.1:\d+": /,
  })
  await engine.stop()
  await t.rejects(machineVersion(ctx, 'web'), { message: /^Unable to query docker version: / })
})

async function giveClientFiles(dir: string, from: string): Promise<void> {
  for (const file of ['ca.pem', 'cert.pem', 'key.pem'])
    writeFileSync(join(dir, file), await readFrom(from, file))
}

async function readFrom(dir: string, file: string): Promise<Buffer> {
  const { readFile } = await import('node:fs/promises')
  return await readFile(join(dir, file))
}

t.test('ls filters: same key means or, other keys and; broken machines stay', async (t) => {
  const ctx = context(t)
  await record(ctx, 'web', { labels: ['zone=A', 'plain'] })
  await record(ctx, 'db', { labels: ['zone=b'] })
  breakRecord(ctx, 'broken', '')
  const names = async (...filters: string[]): Promise<string[]> =>
    (await listMachines(ctx, { filters: filters.map(parseFilter), timeoutMs: 300 })).map((row) => row.name)
  t.same(await names('name=^w'), ['broken', 'web'])
  t.same(await names('label=zone=a', 'label=zone=B'), ['broken', 'db', 'web'])
  t.same(await names('label=zone=a', 'name=db'), ['broken'])
  t.same(await names('label=plain'), ['broken', 'web'])
  t.same(await names('DRIVER=NONE', 'state=running'), ['db', 'web'].toSpliced(0, 0, 'broken'))
  t.same(await names('state=Stopped'), ['broken'])
  t.throws(() => parseFilter('bogus=1'), { message: "Unsupported filter key 'bogus'" })
  t.throws(() => parseFilter('name'), { message: 'Unsupported filter syntax' })
  t.throws(() => parseFilter('name=('), { code: 'usage' })
})

t.test('forwards are asked from drivers that have them', async (t) => {
  const ctx = context(t)
  await record(ctx, 'web')
  await t.rejects(listForwards(ctx, 'web'), { code: 'driver', message: /forwards no ports/ })
  await t.rejects(changeForward(ctx, 'web', 'add', parseForward('80')), { code: 'driver' })
  t.same(parseForward('8080:80'), { hostPort: 8080, guestPort: 80, protocol: 'tcp' })
  t.same(parseForward('53/udp'), { hostPort: 53, guestPort: 53, protocol: 'udp' })
  for (const bad of ['', '0', '70000', 'a:1', '1:2:3', '80/sctp', '-1'])
    t.throws(() => parseForward(bad), { code: 'usage' }, bad)
})

t.test("logs: no console means a clear error; the engine's log command takes only numbers", async (t) => {
  const ctx = context(t)
  await record(ctx, 'web')
  const options = { kind: 'boot', follow: false } as const
  await t.rejects(
    machineLogs(ctx, 'web', options, () => undefined),
    { code: 'driver' },
  )
  t.match(
    engineLogCommand({ follow: true, lines: 20 }),
    /tsmachine-service engine log -f -n 20;.*journalctl.* -f -n 20;/,
  )
  t.match(engineLogCommand({ follow: false }), /-n all/)
})

t.test('doctor tells bad records, old locks, dropped machines and certificates', async (t) => {
  const ctx = context(t)
  await record(ctx, 'gone')
  await ctx.store.tombstone('gone')
  breakRecord(ctx, 'broken', '')
  const dir = await record(ctx, 'old')
  const ended = await testCertificates({ now: new Date('2020-01-01') })
  t.teardown(() => ended.remove())
  writeFileSync(join(dir, 'server.pem'), ended.server.cert)
  const lock = await ctx.store.lock('old', 'start old')
  const outside = [
    () => Promise.resolve([{ check: 'outside', level: 'good' as const, text: 'x' }]),
    () => Promise.reject(new Error('it broke')),
  ]
  const findings = await examine({ ...ctx, drivers: { load: () => Promise.resolve(none) } }, outside, {
    probe: false,
  })
  await lock.release()
  const text = findings.map((finding) => `${finding.level} ${finding.check}: ${finding.text}`).join('\n')
  t.match(text, /^good outside: x$/m)
  t.match(text, /^bad doctor: a check failed: it broke$/m)
  t.match(text, /^bad machine broken: /m)
  t.match(text, /^note removed machine gone: /m)
  t.match(text, /^bad certificate of old: has ended$/m)
  t.match(text, /^good lock: held by start old/m)
})

t.test('reading verbs create nothing, also in a store that is not there', async (t) => {
  const dir = scratchDir(t)
  const ctx = machineContext({ dir, profile: DOCKER_MACHINE_PROFILE })
  t.same(await listMachines(ctx, quick), [])
  t.same(listNames(ctx).names, [])
  await t.rejects(activeMachine(ctx, 1_000), { code: 'not-running' })
  await t.rejects(inspectMachine(ctx, 'x'), { message: /Use "docker-machine ls"/ })
  t.same(readdirSync(dir), [])
})
