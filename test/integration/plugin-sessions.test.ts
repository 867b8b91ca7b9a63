// Sessions with a plugin that is written in Go, over Go's own net/rpc.
import t, { type Test } from 'tap'
import { PluginPool, type PooledMachine } from '../../src/drivers/plugin/session/plugin-pool.js'
import { PluginSession } from '../../src/drivers/plugin/session/plugin-session.js'
import { pluginProgram } from '../../src/drivers/plugin/session/find-program.js'
import { RpcPluginClient } from '../../src/drivers/plugin/wire/rpc-client.js'
import type { ConnectPlugin } from '../../src/drivers/plugin/session/connection.js'
import { goProgram } from '../helpers/go-programs.js'
import { GoProvider, type GoRule } from '../helpers/go-provider.js'

t.setTimeout(300_000)

const connect: ConnectPlugin = (address, options) => RpcPluginClient.connect(address, options)

async function bench(t: Test, ...script: GoRule[]) {
  const provider = new GoProvider(t.testdir({}))
  provider.script(...script)
  const env = { PATH: await goProgram('plugin'), HOME: t.testdirName, ...provider.env }
  const program = pluginProgram('godouble', env) ?? 'not found'
  const log: string[] = []
  const machine = (name: string): PooledMachine => ({
    driver: 'godouble',
    program,
    machine: { name, state: JSON.stringify({ MachineName: name }) },
    onLog: (_, line) => void log.push(line),
  })
  const open = async (more = {}): Promise<PluginSession> => {
    const session = await PluginSession.open({ ...machine('web'), env, connect, ...more })
    t.teardown(() => session.end())
    return session
  }
  return { provider, env, machine, open, log }
}

t.test('a session with a Go plugin: opened, asked, closed with status 0', async (t) => {
  const { open, provider } = await bench(t)
  const session = await open()
  t.equal(await session.call('GetMachineName', undefined), 'web')
  t.match(JSON.parse(await session.call('GetConfigRaw', undefined)), { MachineName: 'web' })
  await session.end()
  t.same(provider.alive(), [])
  t.match(await session.ended, { message: /ended with status 0/ })
})

t.test(
  'heartbeats keep a Go plugin alive for longer than it waits for one, beside a call that takes that long',
  async (t) => {
    const { open } = await bench(t, { at: 'GetMachineName', do: 'sleep', ms: 13_000 })
    const session = await open()
    t.equal(await session.call('GetMachineName', undefined), 'web')
    t.equal(session.over, undefined)
  },
)

t.test(
  'of 30 machines four Go processes are alive at most, each for its own, and none is left',
  async (t) => {
    const { env, machine, provider } = await bench(t)
    const pool = new PluginPool({ env, connect })
    const names = Array.from({ length: 30 }, (_, index) => `m${index}`)
    const asked = names.map((name) =>
      pool.withSession(machine(name), (session) => session.call('GetMachineName', undefined)),
    )
    t.same(await Promise.all(asked), names)
    await pool.closeAll()
    t.equal(provider.mostAtOnce(), 4)
    t.equal(provider.processes().filter(({ event }) => event === 'start').length, 30)
    t.same(provider.alive(), [])
  },
)

for (const [what, rule, error] of [
  ['ends', { do: 'exit', status: 5 }, { code: 'driver', message: /ended with status 5/ }],
  ['is killed', { do: 'kill' }, { code: 'driver', message: /ended with SIGKILL/ }],
  ['panics', { do: 'panic', text: 'nil map' }, { code: 'driver', message: /status 2/, evidence: /nil map/ }],
  ['writes garbage', { do: 'garbage', text: '\u0003zzz' }, { code: 'driver' }],
  ['announces 2 GB', { do: 'garbage' }, { code: 'driver' }],
  ['closes its connections', { do: 'disconnect' }, { code: 'driver' }],
  ['cuts its answer', { do: 'truncate', bytes: 3 }, { code: 'driver' }],
  ['answers nothing', { do: 'hang' }, { code: 'timeout', message: /GetIP/ }],
  ['stands still', { do: 'silence' }, { code: 'timeout', message: /GetIP/ }],
] as const)
  t.test(`a Go plugin that ${what} in a call fails it with a typed error, and is gone`, async (t) => {
    const { open, provider } = await bench(t, { at: 'GetIP', ...rule })
    const session = await open({ deadlines: { read: 1_500 } })
    await t.rejects(session.call('GetIP', undefined), error)
    t.match(session.over, error)
    await session.end()
    t.same(provider.alive(), [])
  })

t.test('a Go plugin that floods both streams answers nevertheless', async (t) => {
  const flood = { at: 'GetMachineName', do: 'flood', bytes: 3_000_000 }
  const { open, log } = await bench(t, { ...flood, stream: 'stdout' }, { ...flood, stream: 'stderr' })
  t.equal(await (await open()).call('GetMachineName', undefined), 'web')
  t.ok(log.join('').length > 1_000_000)
})
