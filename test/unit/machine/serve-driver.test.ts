import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { LedgerRecord } from '../../../src/contracts/record.js'
import { PLUGIN_STATES } from '../../../src/drivers/plugin/wire/plugin-api.js'
import { factory as none } from '../../../src/drivers/none/index.js'
import { embeddedLedger } from '../../../src/store/embedded-ledger.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { bareFactory } from '../../helpers/hosted-driver.js'
import { ServedHost } from '../../helpers/served-host.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsm-serve-'))
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
let count = 0

function bench(name = 'web') {
  const dir = join(scratch, `b${++count}`)
  const provider = new FakeProvider(join(dir, 'provider'))
  const flags = { 'fake-dir': provider.dir, 'fake-size': 'small', 'fake-disk': { int: 10 }, 'fake-token': '' }
  return { dir, provider, flags, host: new ServedHost(bareFactory, name, { dir, env: { HOME: dir } }) }
}

const RUNNING = PLUGIN_STATES.indexOf('Running')
const STOPPED = PLUGIN_STATES.indexOf('Stopped')

t.test('a machine is made, stopped, started and removed by a host that saves its state', async (t) => {
  const { host, provider, flags } = bench()
  await host.create(flags)
  t.equal(provider.read().servers.length, 1)
  t.equal(await host.handlers.GetState(undefined), RUNNING)
  t.match(await host.handlers.GetURL(undefined), /^tcp:\/\/.+:\d+$/)
  const second = await host.again()
  await second.handlers.Stop(undefined)
  await second.save()
  t.equal(await second.handlers.GetState(undefined), STOPPED)
  await t.rejects(second.handlers.GetURL(undefined), { message: 'Host is not running' })
  const third = await second.again()
  await third.handlers.Start(undefined)
  t.equal(await third.handlers.GetState(undefined), RUNNING)
  await third.handlers.Restart(undefined)
  await third.handlers.Kill(undefined)
  t.equal(await third.handlers.GetState(undefined), STOPPED)
  await third.save()
  await (await third.again()).remove()
  t.same(provider.leftovers(), [])
})

t.test(
  'the state that is saved holds the ledger and the reference to a token, never the token',
  async (t) => {
    const { host, flags, dir } = bench()
    await host.create({ ...flags, 'fake-token': 'tok-secret-1' })
    const state = host.saved()
    t.notMatch(JSON.stringify(state), 'tok-secret-1')
    t.notMatch(JSON.stringify(host.ctx.events), 'tok-secret-1')
    const own = state['Tsmachine'] as unknown as LedgerRecord
    t.match(own.secrets['token'], /^store:/)
    t.same(own, embeddedLedger(host.ledger()), 'and it is what our own file says')
    t.match(host.ledger(), { phase: 'ready', driver: { name: 'fake' } })
    t.notMatch(readFileSync(join(dir, 'store/machines/web/tsmachine.json'), 'utf8'), 'tok-secret-1')
    // With the variable gone and no flag: the reference is enough.
    await (await host.again()).handlers.Stop(undefined)
  },
)

t.test('a host that keeps the state alone starts and removes the machine with it', async (t) => {
  const { host, provider, flags } = bench()
  await host.create(flags)
  const state = host.saved()
  rmSync(host.dir, { recursive: true })
  const next = await host.again(state)
  t.equal(await next.handlers.GetState(undefined), RUNNING)
  t.equal(existsSync(host.dir), false, 'looking writes nothing')
  await next.handlers.Stop(undefined)
  t.equal(await next.handlers.GetState(undefined), STOPPED)
  t.equal((await next.state())['MachineName'], 'web')
  await (await host.again(await next.state())).handlers.Remove(undefined)
  t.same(provider.leftovers(), [])
})

t.test(
  'a create that fails leaves a ledger with which another plugin process removes everything',
  async (t) => {
    const { host, provider, flags } = bench()
    await host.begin(flags)
    await host.handlers.PreCreateCheck(undefined)
    await host.save()
    provider.script([{ call: 'createServer', after: 0, kind: 'fail' }])
    await t.rejects(host.handlers.Create(undefined))
    t.equal(host.ledger().phase, 'failed')
    t.not(host.ledger().resources.length, 0)
    await (await host.again()).remove()
    t.same(provider.leftovers(), [])
  },
)

t.test(
  'faults of flags and of the pre-create check come without the frame that the host puts around',
  async (t) => {
    const { host, flags } = bench()
    await t.rejects(host.begin({ ...flags, 'fake-dir': '', 'fake-disk': { int: -1 } }), {
      message: 'fake driver requires the --fake-dir option; --fake-disk wants at least 1 GB',
    })
    await host.begin({ ...flags, 'fake-region': 'full' })
    await t.rejects(host.handlers.PreCreateCheck(undefined), { message: 'region full is full' })
    const told = host.ctx.events.flatMap((event) => (event.type === 'info' ? [event.text] : []))
    t.match(told[0], /Choose another one/, 'its hint is a line of the log')
    t.equal(told.length, 1, 'and our own doctor, who cannot look at the host, is not')
    t.equal(existsSync(host.dir), false, 'and nothing was written')
  },
)

t.test('a state of another machine than the one in the store is refused', async (t) => {
  const { host, flags } = bench()
  await host.create(flags)
  const own = host.saved()['Tsmachine'] as object
  const other = { ...host.saved(), Tsmachine: { ...own, machineId: 'a'.repeat(32) } }
  await t.rejects((await host.again(other)).handlers.Remove(undefined), /is of another machine/)
})

t.test('what host and store chose for the engine stays in the record of a create', async (t) => {
  const { host, flags } = bench()
  await host.begin(flags)
  await host.save()
  const config = JSON.parse(readFileSync(host.configFile, 'utf8')) as {
    HostOptions: { EngineOptions: object }
  }
  Object.assign(config.HostOptions.EngineOptions, { Labels: ['a=b'], StorageDriver: 'overlay2' })
  writeFileSync(host.configFile, JSON.stringify(config))
  await host.handlers.Create(undefined)
  t.match(JSON.parse(readFileSync(host.configFile, 'utf8')), {
    DriverName: 'ts-fake',
    HostOptions: { EngineOptions: { Labels: ['a=b'], StorageDriver: 'overlay2' } },
  })
  t.match(host.ledger().options.engine, { labels: ['a=b'], storageDriver: 'overlay2' })
})

t.test(
  'before flags are given a plugin answers what a flag look-up asks for, and refuses the rest',
  async (t) => {
    const { host } = bench('flag-lookup')
    await host.handlers.SetConfigRaw(JSON.stringify({ MachineName: 'flag-lookup' }))
    t.equal(await host.handlers.GetVersion(undefined), 1)
    t.equal(await host.handlers.DriverName(undefined), 'ts-fake')
    t.equal(await host.handlers.GetMachineName(undefined), 'flag-lookup')
    t.match(JSON.parse(await host.handlers.GetConfigRaw(undefined)), { MachineName: 'flag-lookup' })
    t.match(await host.handlers.GetCreateFlags(undefined), [
      { name: 'fake-dir', kind: 'string', envVar: 'FAKE_DIR' },
    ])
    await t.rejects(host.handlers.Create(undefined), /No flags were given/)
    await t.rejects(host.handlers.GetIP(undefined), /was not made yet/)
    await t.rejects(host.handlers.SetConfigFromFlags({}), /StorePath is empty/)
    await t.rejects(host.handlers.SetConfigRaw('[1]'), /not a JSON object/)
    await t.rejects(host.handlers.SetConfigRaw('{"Token": "abc'), {
      message: "The driver's state is not a JSON object",
    })
  },
)

t.test('a bare URL is served as it was given', async (t) => {
  const dir = join(scratch, `b${++count}`)
  const host = new ServedHost(none, 'plain', { dir })
  await host.create({ url: 'tcp://192.0.2.1:2376' })
  const next = await host.again()
  t.equal(await next.handlers.GetURL(undefined), 'tcp://192.0.2.1:2376')
  await t.rejects(next.handlers.GetSSHHostname(undefined), /has no SSH/)
  await t.rejects(next.handlers.Start(undefined))
  await next.remove()
})
