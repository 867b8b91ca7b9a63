// The doubles in Go against each other: both speak with Go's own net/rpc, so what they do is what Go does.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TestUser } from '../helpers/cli.js'
import { goProgram } from '../helpers/go-programs.js'
import { GoProvider, type GoRule } from '../helpers/go-provider.js'
import { poll } from '../helpers/poll.js'

interface Line {
  readonly verb?: string
  readonly value?: unknown
  readonly error?: string
  readonly stream?: string
  readonly text?: string
  readonly exit?: number
}

// Most of the time is spent waiting for heartbeats that do not come.
t.jobs = 6
t.setTimeout(240_000)

const plugin = await goProgram('plugin')
const oldBinary = await goProgram('plugin', 'docker-machine')
const host = join(await goProgram('host'), 'plugin-host')

/** A user with a provider, who runs the host. */
class Stand {
  readonly user = new TestUser()
  readonly provider = new GoProvider(this.user.home)

  constructor(t: Test, ...script: readonly GoRule[]) {
    t.teardown(() => rmSync(this.user.home, { recursive: true, force: true }))
    this.provider.script(...script)
  }

  async run(words: readonly string[], env: Record<string, string> = {}) {
    const path = [plugin, oldBinary, process.env['PATH']].join(':')
    const args = ['--store', this.user.store, '--limit', '60s', ...words]
    const outcome = await this.user.run(host, args, {
      env: { ...this.provider.env, PATH: path, ...env },
      limitMs: 90_000,
    })
    const lines = outcome.stdout.split('\n').filter(Boolean)
    return { ...outcome, lines: lines.map((line) => JSON.parse(line) as Line) }
  }

  /** What the verbs came to, by verb: a value or an error. */
  async answers(words: readonly string[]): Promise<Record<string, unknown>> {
    const { lines } = await this.run(words)
    return Object.fromEntries(
      lines.flatMap((line) => (line.verb ? [[line.verb, line.error ?? line.value]] : [])),
    )
  }

  state(): string {
    return readFileSync(join(this.user.store, 'machines/m1/driver.json'), 'utf8')
  }
}

t.test('a whole life leaves nothing, and every process ends', async (t) => {
  const stand = new Stand(t)
  const made = await stand.run(['create', 'godouble-tag=a', 'godouble-tag=b', 'godouble-private=true', 'url'])
  t.equal(made.code, 0, made.stdout)
  t.match(stand.provider.servers, [{ name: 'm1', state: 'Running', tags: ['a', 'b'] }])
  t.match(stand.state(), '"Serial":9007199254740995,', 'a number that no float holds')
  t.match(stand.state(), '"ApiToken":"go-double-secret"')
  t.match(stand.state(), '"Labels":{"made-by":"double"}')
  const stopped = await stand.answers(['ssh', 'stop', 'state', 'url'])
  t.match(stopped, { ssh: { user: 'root', port: 22 }, state: 'Stopped', url: 'Host is not running' })
  t.match(await stand.answers(['start', 'kill', 'restart', 'state', 'remove']), {
    state: 'Running',
    remove: null,
  })
  t.strictSame(stand.provider.servers, [])
  const ends = stand.provider.processes().filter(({ event }) => event === 'exit')
  t.strictSame(
    ends.map(({ status, why }) => `${status} ${why}`),
    Array.from({ length: 4 }, () => '0 closed'),
    'the one that told the flags too',
  )
  t.strictSame(stand.provider.alive(), [])
  t.equal(stand.provider.mostAtOnce(), 2)
  t.equal(stand.provider.calls('Create').length, 1)
})

t.test('flags of all four kinds are told', async (t) => {
  const { flags } = await new Stand(t).answers(['flags'])
  const kinds = (flags as { kind: string }[]).map(({ kind }) => kind)
  t.strictSame([...new Set(kinds)].sort(), ['BoolFlag', 'IntFlag', 'StringFlag', 'StringSliceFlag'])
})

t.test('a plugin without the token explains itself', async (t) => {
  const { user } = new Stand(t)
  const { code, stderr } = await user.run(join(plugin, 'docker-machine-driver-godouble'), [])
  t.equal(code, 1)
  t.equal(stderr.split('\n')[3], '(API version: 1)')
})

t.test('the stand-in for docker-machine serves the drivers that it knows', async (t) => {
  const stand = new Stand(t)
  t.match(await stand.answers(['--driver', 'virtualbox', 'name']), { name: 'virtualbox' })
  const env = {
    MACHINE_PLUGIN_TOKEN: '42',
    MACHINE_PLUGIN_DRIVER_NAME: 'none',
    GODOUBLE_LEGACY_NAMES: 'generic',
  }
  const unknown = await stand.user.run(join(oldBinary, 'docker-machine'), [], { env })
  t.match(unknown, { code: 1, stderr: 'Unsupported driver: none' })
})

t.test('calls that are under way do not wait for each other', async (t) => {
  const stand = new Stand(t)
  await stand.run(['create'])
  stand.provider.script({ at: 'GetState', do: 'sleep', ms: 1_000 })
  const { concurrent } = await stand.answers(['concurrent'])
  t.match(concurrent, { waited: false })
  t.strictSame((concurrent as { names: string[] }).names.slice(0, 3), ['godouble', 'm1', '127.10.0.1'])
})

const FAULTS: readonly [string, GoRule, string | RegExp][] = [
  ['an error', { at: 'GetState', do: 'error', text: 'quota' }, 'quota'],
  ['a kill', { at: 'GetState', do: 'kill' }, 'unexpected EOF'],
  ['an exit', { at: 'GetState', do: 'exit', status: 4 }, 'unexpected EOF'],
  ['a panic', { at: 'GetState', do: 'panic', text: 'oh' }, 'unexpected EOF'],
  ['a connection that is closed', { at: 'GetState', do: 'disconnect' }, 'unexpected EOF'],
  ['an answer that is cut', { at: 'GetState', do: 'truncate', bytes: 5 }, 'unexpected EOF'],
  ['bytes that are no gob', { at: 'GetState', do: 'garbage' }, /gob|unexpected EOF|too big/],
  ['an error once it is done', { at: 'GetState', do: 'error', when: 'after', text: 'late' }, 'late'],
  ['a panic in Create', { at: 'Create', do: 'panic', text: 'oh' }, /^Panic in the driver: oh\n/],
]

for (const [name, rule, expected] of FAULTS) {
  t.test(`${name} reaches the host`, async (t) => {
    const stand = new Stand(t)
    await stand.answers(['create'])
    stand.provider.script(rule)
    const answers = await stand.answers(rule.at === 'Create' ? ['create'] : ['state'])
    t.match(answers['create'] ?? answers['state'], expected)
  })
}

t.test('faults may wait for a call, and for a machine', async (t) => {
  const rule = { at: 'PreCreateCheck', do: 'error', text: 'busy', machine: 'm1', from: 2, times: 1 }
  const stand = new Stand(t, rule)
  const texts = []
  for (let call = 0; call < 3; call++) texts.push((await stand.answers(['create', 'remove']))['create'])
  t.strictSame(texts, [null, 'busy', null])
})

const OPENINGS: readonly [string, GoRule, string | RegExp][] = [
  ['no address line', { at: 'address', do: 'none' }, 'Failed to dial the plugin server in 10s'],
  ['an address that is none', { at: 'address', do: 'print', text: 'hello' }, 'missing port in address'],
  ['another version', { at: 'GetVersion', do: 'version', status: 2 }, 'incompatible API version (2)'],
]

for (const [name, rule, expected] of OPENINGS) {
  t.test(`${name} ends the start`, async (t) => {
    const stand = new Stand(t, rule)
    t.match((await stand.answers(['state']))['open'], expected)
    await poll(15_000, () => Promise.resolve(stand.provider.alive().length === 0))
    t.match(stand.provider.processes().at(-1), { event: 'exit', status: 1, why: 'no heartbeat' })
  })
}

t.test('the old name of the service is found', async (t) => {
  const stand = new Stand(t, { at: 'service', do: 'old-name' })
  t.match(await stand.answers(['name']), { name: 'godouble' })
})

t.test('a plugin outlives ten seconds only with heartbeats', async (t) => {
  const stand = new Stand(t)
  t.match(await stand.answers(['wait', 'name']), { name: 'godouble' })
  t.match(await stand.answers(['--no-heartbeat', 'wait', 'name']), { name: /unexpected EOF|shut down/ })
})

t.test('a plugin whose host died ends within ten seconds', async (t) => {
  const stand = new Stand(t)
  t.equal((await stand.run(['die'])).code, 9)
  t.equal(stand.provider.alive().length, 1)
  const { tookMs } = await poll(15_000, () => Promise.resolve(stand.provider.alive().length === 0))
  t.ok(tookMs > 5_000 && tookMs < 11_000, `${tookMs} ms`)
})
