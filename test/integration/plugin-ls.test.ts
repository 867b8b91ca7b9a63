/** `ls` of many machines of one driver plugin: few processes, each answer about its own machine, and none that outlives it. */
import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { TestUser } from '../helpers/cli.js'
import { goProgram } from '../helpers/go-programs.js'
import { FORGETS, GoProvider, type GoRule } from '../helpers/go-provider.js'
import { type PluginMachine, pluginMachines, writePluginMachines } from '../helpers/plugin-machines.js'
import { size } from '../sizes.js'

const MOST_ALIVE = 4

interface Row {
  readonly name: string
  readonly state: string
  readonly url: string
  readonly error: string
}

interface Stand {
  readonly provider: GoProvider
  /** `ls` with this deadline in seconds. */
  readonly ls: (seconds: number) => Promise<readonly Row[]>
}

async function standOf(
  t: Test,
  machines: readonly PluginMachine[],
  script: readonly GoRule[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<Stand> {
  const user = new TestUser()
  t.teardown(() => rmSync(user.home, { recursive: true, force: true }))
  const provider = new GoProvider(user.home)
  writePluginMachines(user.store, provider, machines)
  provider.script(...script)
  const env = { ...provider.env, PATH: `${await goProgram('plugin')}:${process.env['PATH'] ?? ''}`, ...more }
  const ls = async (seconds: number): Promise<readonly Row[]> => {
    const words = ['ls', '--json', '--timeout', String(seconds)]
    const { result } = JSON.parse(await user.ok(words, { env, limitMs: (seconds + 20) * 1_000 })) as {
      result: Row[]
    }
    return result
  }
  return { provider, ls }
}

/** A third is stopped, and every fifth has got another address at its provider. */
function differentMachines(count: number): readonly PluginMachine[] {
  return pluginMachines(count).map((machine, index) => ({
    ...machine,
    server: {
      ...(index % 3 === 2 ? { state: 'Stopped' } : {}),
      ...(index % 5 === 4 ? { address: `127.88.0.${index + 1}` } : {}),
    },
  }))
}

/** Name, state, URL and what is said of its address, as the row of this machine alone has them. */
function told({ name, address, server = {} }: PluginMachine): readonly string[] {
  if (server.state === 'Stopped') return [name, 'Stopped', '', '']
  const moved = server.address
    ? `its address is ${server.address} now: tsmachine start ${name} takes it over`
    : ''
  return [name, 'Running', `tcp://${address}:2376`, moved]
}

/** Which words a missing engine has is not the matter here. */
function shown(rows: readonly Row[]): readonly (readonly string[])[] {
  return rows.map(({ name, state, url, error }) => [
    name,
    state,
    url,
    error.startsWith('its address') ? error : '',
  ])
}

function started(provider: GoProvider): number {
  return provider.processes().filter(({ event }) => event === 'start').length
}

t.test('many machines have few processes, and each answers for its own machine', async (t) => {
  const machines = differentMachines(size('pluginMachines'))
  const { provider, ls } = await standOf(t, machines)
  t.strictSame(shown(await ls(60)), machines.map(told))
  const ends = provider.processes().filter(({ event }) => event === 'exit')
  // A few are asked about a second machine before it is known that this plugin stays with its first one.
  const again = started(provider) - machines.length
  t.ok(again >= 0 && again <= MOST_ALIVE, `one process for each machine, and ${again} more`)
  t.match(ends, Array(machines.length).fill({ status: 0, why: 'closed' }))
  t.ok(provider.mostAtOnce() <= MOST_ALIVE, `${provider.mostAtOnce()} were alive at once`)
  t.strictSame(provider.alive(), [])
})

t.test('a plugin that fails, dies or hangs spoils no other row', async (t) => {
  const machines = pluginMachines(9)
  const { provider, ls } = await standOf(t, machines, [
    { at: 'GetURL', machine: 'm2', do: 'hang' },
    { at: 'GetURL', machine: 'm3', do: 'kill' },
    { at: 'GetURL', machine: 'm4', do: 'error', text: 'the provider is closed today' },
    { at: 'GetState', machine: 'm4', do: 'error', text: 'the provider is closed today' },
    { at: 'GetURL', machine: 'm5', do: 'panic', text: 'a fault of the plugin' },
    { at: 'GetURL', machine: 'm6', do: 'garbage' },
    { at: 'GetURL', machine: 'm7', do: 'error', text: 'it tells no URL today' },
    { at: 'GetURL', machine: 'm8', do: 'disconnect' },
  ])
  const rows = await ls(8)
  const faults: Readonly<Record<string, object>> = {
    m2: { state: 'Timeout', url: '' },
    m3: { state: 'Error', url: '', error: /SIGKILL/ },
    m4: { state: 'Error', url: '', error: 'the provider is closed today' },
    m5: { state: 'Error', url: '', error: /of driver godouble/ },
    m6: { state: 'Error', url: '', error: /does not speak the plugin protocol/ },
    m8: { state: 'Error', url: '', error: /of driver godouble/ },
  }
  t.match(
    rows,
    machines.map(({ name, address }) => ({
      name,
      ...(faults[name] ?? { state: 'Running', url: `tcp://${address}:2376` }),
    })),
  )
  t.strictSame(provider.alive(), [])
})

t.test('the deadline holds where no plugin ever answers', async (t) => {
  const machines = pluginMachines(12)
  const { provider, ls } = await standOf(t, machines, [{ at: 'GetURL', do: 'hang' }])
  const rows = await ls(2)
  t.match(
    rows,
    machines.map(({ name }) => ({ name, state: 'Timeout' })),
  )
  const starts = provider.processes().filter(({ event }) => event === 'start')
  t.ok(starts.length <= MOST_ALIVE, 'nothing is started for those who wait in vain')
  t.strictSame(provider.alive(), [])
})

t.test('a plugin that goes by the state that it is given is asked about all in four processes', async (t) => {
  const machines = pluginMachines(size('pluginMachines'))
  const { provider, ls } = await standOf(t, machines, [], FORGETS)
  t.strictSame(shown(await ls(60)), machines.map(told))
  t.equal(started(provider), MOST_ALIVE)
  t.strictSame(provider.alive(), [])
})

t.test('TSMACHINE_PLUGIN_REUSE=0 keeps it to one process for each machine', async (t) => {
  const machines = pluginMachines(8)
  const { provider, ls } = await standOf(t, machines, [], { ...FORGETS, TSMACHINE_PLUGIN_REUSE: '0' })
  t.strictSame(shown(await ls(60)), machines.map(told))
  t.equal(started(provider), machines.length)
})

t.test('what is no good news, or not as recorded, is asked again in a process of its own', async (t) => {
  const machines = differentMachines(size('pluginMachines'))
  const { provider, ls } = await standOf(t, machines, [], FORGETS)
  t.strictSame(shown(await ls(60)), machines.map(told))
  const odd = machines.filter(({ server = {} }) => server.state ?? server.address)
  t.ok(started(provider) <= MOST_ALIVE + odd.length + 1, `${started(provider)} were started`)
  t.ok(provider.mostAtOnce() <= MOST_ALIVE)
})

t.test(
  'one of another account, and one that would keep what another had, have a process of their own',
  async (t) => {
    const special: Readonly<Record<number, object>> = {
      4: { ApiToken: 'another' },
      5: { PrivateAddress: '10.0.0.6' },
      6: { Labels: { left: 'over' } },
    }
    const machines = pluginMachines(16).map((machine, index) => ({
      ...machine,
      fields: { ...special[index] },
    }))
    const { provider, ls } = await standOf(t, machines, [], FORGETS)
    t.strictSame(shown(await ls(60)), machines.map(told))
    const asked = provider.calls('GetURL')
    for (const name of ['m5', 'm7']) {
      const [pid] = asked.filter(({ machine }) => machine === name).map((call) => call.pid)
      t.strictSame(
        new Set(asked.filter((call) => call.pid === pid).map(({ machine }) => machine)),
        new Set([name]),
      )
    }
  },
)

t.test('a plugin that hangs or dies when it is used again spoils no other row', async (t) => {
  const machines = pluginMachines(12)
  const { provider, ls } = await standOf(
    t,
    machines,
    [
      { at: 'GetURL', machine: 'm7', do: 'hang', from: 1, times: 1 },
      { at: 'GetURL', machine: 'm8', do: 'kill', from: 1, times: 1 },
      { at: 'GetConfigRaw', machine: 'm9', do: 'error', text: 'not today' },
      { at: 'GetURL', machine: 'm10', do: 'garbage' },
    ],
    FORGETS,
  )
  const rows = await ls(20)
  t.match(
    rows,
    machines.map(({ name, address }) =>
      name === 'm10' ? { state: 'Error', url: '' } : { name, state: 'Running', url: `tcp://${address}:2376` },
    ),
  )
  t.strictSame(provider.alive(), [])
})
