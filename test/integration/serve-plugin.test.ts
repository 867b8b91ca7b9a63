/** Our drivers as plugin processes: how they begin and end, and what is left when their host does not live. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { JsonObject } from '../../src/contracts/json.js'
import type { LedgerRecord } from '../../src/contracts/record.js'
import type { PluginFlagValues } from '../../src/drivers/plugin/wire/plugin-api.js'
import { DigitalOceanDouble, TOKEN } from '../doubles/digitalocean/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { TestUser } from '../helpers/cli.js'
import { PluginProcess } from '../helpers/plugin-process.js'
import { poll } from '../helpers/poll.js'
import { dockerMachineRecord } from '../helpers/records.js'

t.setTimeout(240_000)

interface Bench {
  readonly me: TestUser
  readonly bin: string
  readonly start: (driver: string, silent?: boolean) => Promise<PluginProcess>
}

function bench(t: Test): Bench {
  const me = new TestUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const bin = join(me.home, 'bin')
  mkdirSync(bin)
  const whole = { ...me.env, PATH: `${bin}:${me.env['PATH'] ?? ''}` }
  const start = async (driver: string, silent = false): Promise<PluginProcess> => {
    const plugin = await PluginProcess.start(bin, driver, whole, { silent })
    t.teardown(() => void plugin.child.kill('SIGKILL'))
    return plugin
  }
  return { me, bin, start }
}

/** Plans a machine as a host does, and saves the first record. */
async function plan(plugin: PluginProcess, me: TestUser, values: PluginFlagValues): Promise<void> {
  await plugin.call('SetConfigRaw', JSON.stringify({ MachineName: 'web', StorePath: me.store }))
  await plugin.call('SetConfigFromFlags', values)
  await plugin.call('PreCreateCheck', undefined)
  const record = JSON.parse(dockerMachineRecord('generic')) as JsonObject
  const Driver = JSON.parse(await plugin.call('GetConfigRaw', undefined)) as JsonObject
  const DriverName = await plugin.call('DriverName', undefined)
  mkdirSync(machineDir(me), { recursive: true, mode: 0o700 })
  writeFileSync(
    join(machineDir(me), 'config.json'),
    JSON.stringify({ ...record, Driver, DriverName, Name: 'web' }),
  )
}

const machineDir = (me: TestUser): string => join(me.store, 'machines', 'web')

function ledgerOf(me: TestUser): LedgerRecord | undefined {
  const file = join(machineDir(me), 'tsmachine.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LedgerRecord) : undefined
}

function savedState(me: TestUser): string {
  const config = JSON.parse(readFileSync(join(machineDir(me), 'config.json'), 'utf8')) as JsonObject
  return JSON.stringify(config['Driver'])
}

async function fullFlags(plugin: PluginProcess, given: PluginFlagValues): Promise<PluginFlagValues> {
  const flags = await plugin.call('GetCreateFlags', undefined)
  const defaults = flags.map((flag) => [
    flag.name,
    flag.kind === 'int' ? { int: flag.value } : flag.kind === 'bool' ? false : flag.value,
  ])
  return { ...(Object.fromEntries(defaults) as PluginFlagValues), driver: 'x', ...given }
}

t.test('without a token it says what it is and ends with 1', async (t) => {
  const { me, bin, start } = bench(t)
  await (await start('ts-none')).close()
  const said = await me.run(join(bin, 'docker-machine-driver-ts-none'), ['ls', '-q'])
  t.match(said, { code: 1, stdout: '' })
  t.equal(said.stderr.trimEnd().split('\n').length, 4)
  t.equal(said.stderr.trimEnd().split('\n').at(-1), '(API version: 1)')
  t.match(await me.tsmachine(['driver', 'serve', 'none']), { code: 1, stdout: '', stderr: said.stderr })
  t.match(await me.tsmachine(['driver', 'serve', 'nothing']), {
    code: 2,
    stderr: /Only our own drivers can be served/,
  })
})

t.test('the address is the first line, Close is answered and ends it with 0', async (t) => {
  const plugin = await bench(t).start('ts-qemu')
  t.match(plugin.output.stdout, /^127\.0\.0\.1:\d+\n$/)
  t.equal(await plugin.call('GetVersion', undefined), 1)
  t.equal(await plugin.call('DriverName', undefined), 'ts-qemu')
  const names = (await plugin.call('GetCreateFlags', undefined)).map(({ name }) => name)
  t.ok(names.includes('qemu-memory') && names.includes('no-qemu-auto-forward'))
  t.equal(await plugin.close(), 0)
  t.match(plugin.output.stdout, /^127\.0\.0\.1:\d+\n$/, 'and nothing else was said')
})

t.test('without a heartbeat it ends with 1 after ten seconds, also before the first', async (t) => {
  const { start } = bench(t)
  const began = performance.now()
  const [never, once] = await Promise.all([start('ts-none', true), start('ts-none')])
  once.die()
  t.same(await Promise.all([never.ended, once.ended]), [1, 1])
  const took = performance.now() - began
  t.ok(took > 9_900 && took < 14_000, `${Math.round(took)} ms with the start of Node`)
})

const CLOUDS = {
  digitalocean: {
    begin: () => DigitalOceanDouble.start(),
    flags: { 'digitalocean-access-token': TOKEN },
    urlFlag: 'digitalocean-api-url',
    made: ['server', 'ssh-key', 'firewall'],
  },
  hetzner: {
    begin: () => HetznerDouble.start(),
    flags: { 'hetzner-api-token': TOKEN },
    urlFlag: 'hetzner-endpoint',
    made: ['server'],
  },
} as const

for (const [driver, cloud] of Object.entries(CLOUDS))
  t.test(
    `${driver}: a host that dies in a create leaves a ledger that another one removes all by`,
    async (t) => {
      const double = await cloud.begin()
      t.teardown(() => double.close())
      const { me, start } = bench(t)
      const plugin = await start(`ts-${driver}`)
      await plan(plugin, me, await fullFlags(plugin, { ...cloud.flags, [cloud.urlFlag]: double.url }))
      t.notMatch(savedState(me), TOKEN)
      const created = plugin.call('Create', undefined).catch((error: Error) => error.message)
      await poll(30_000, async () => isBooting(plugin))
      t.ok(double.inventory().length > 0)
      const died = performance.now()
      plugin.die()
      t.equal(await plugin.ended, 1)
      const took = performance.now() - died
      t.ok(took < 10_500, `it was gone after ${Math.round(took)} ms`)
      await created
      const kinds = ledgerOf(me)?.resources.map(({ kind }) => kind) ?? []
      for (const kind of cloud.made)
        t.ok(kinds.includes(kind), `${kind} is in the ledger: ${kinds.join(', ')}`)
      t.notMatch(readFileSync(join(machineDir(me), 'tsmachine.json'), 'utf8'), TOKEN)
      const next = await start(`ts-${driver}`)
      await next.call('SetConfigRaw', savedState(me))
      await next.call('Remove', undefined)
      t.equal(await next.close(), 0)
      t.same(double.inventory(), [])
      for (const { output } of [plugin, next]) t.notMatch(output.stdout + output.stderr, TOKEN)
      t.same(double.violations, [])
    },
  )

function isBooting({ output }: PluginProcess): boolean {
  return output.stdout.includes('Waiting for machine to boot')
}

t.test('kill -9 of the plugin at each call to the provider: the next one removes all of it', async (t) => {
  const double = await DigitalOceanDouble.start()
  t.teardown(() => double.close())
  const { me, start } = bench(t)
  const { flags, urlFlag } = CLOUDS.digitalocean
  let kills = 0
  for (let at = 0; ; at++) {
    const plugin = await start('ts-digitalocean')
    await plan(plugin, me, await fullFlags(plugin, { ...flags, [urlFlag]: double.url }))
    let calls = 0
    double.onActed = () => {
      if (calls++ === at) kills += Number(plugin.child.kill('SIGKILL'))
    }
    const created = plugin.call('Create', undefined).catch(() => undefined)
    await Promise.race([plugin.ended, poll(30_000, async () => plugin.child.killed || isBooting(plugin), 20)])
    double.onActed = () => undefined
    const isMade = !plugin.child.killed
    plugin.child.kill('SIGKILL')
    await Promise.all([plugin.ended, created])
    plugin.die()
    const next = await start('ts-digitalocean')
    await next.call('SetConfigRaw', savedState(me))
    await next.call('Remove', undefined)
    await next.close()
    t.same(double.inventory(), [], `killed at call ${at}`)
    rmSync(machineDir(me), { recursive: true })
    if (isMade) break
  }
  t.ok(kills >= 5, `${kills} calls`)
})

t.test('a signal ends a create with the status of the signal, and our own rm takes over', async (t) => {
  const double = await DigitalOceanDouble.start()
  t.teardown(() => double.close())
  const { me, start } = bench(t)
  const { flags, urlFlag } = CLOUDS.digitalocean
  const plugin = await start('ts-digitalocean')
  await plan(plugin, me, await fullFlags(plugin, { ...flags, [urlFlag]: double.url }))
  void plugin.call('Create', undefined).catch(() => undefined)
  await poll(30_000, async () => isBooting(plugin))
  plugin.child.kill('SIGTERM')
  t.equal(await plugin.ended, 143)
  t.match(await me.ok(['ls', '--format', '{{.Name}} {{.DriverName}}']), 'web ts-digitalocean')
  await me.ok(['rm', '-f', 'web'])
  t.same(double.inventory(), [])
})

t.test('a machine of the qemu plugin of others is told of by its record, as anywhere', async (t) => {
  const { me, start } = bench(t)
  const record = JSON.parse(dockerMachineRecord('generic')) as JsonObject
  const Driver = { MachineName: 'web', StorePath: me.store, FirstQuery: true }
  mkdirSync(machineDir(me), { recursive: true, mode: 0o700 })
  const config = JSON.stringify({ ...record, Driver, DriverName: 'qemu', Name: 'web' })
  writeFileSync(join(machineDir(me), 'config.json'), config)
  const plugin = await start('ts-qemu')
  await plugin.call('SetConfigRaw', savedState(me))
  t.equal(await plugin.call('GetIP', undefined), '127.0.0.1', 'its user network ends here')
  t.equal(await plugin.close(), 0)
})
