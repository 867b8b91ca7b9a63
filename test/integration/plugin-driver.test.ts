/** The program with a real driver plugin on PATH, one written in Go on Go's own net/rpc: whole lives of its machines. */
import t from 'tap'
import { PluginUser, TOKEN, hostFlags } from '../helpers/plugin-user.js'
import { size } from '../sizes.js'

t.setTimeout(300_000)

const CREATE = ['create', '-d', 'godouble']
const json = (text: string): { result?: unknown; error?: unknown } => JSON.parse(text) as object

t.test(
  'help shows what the plugin says of its flags, their variables and what they are without',
  async (t) => {
    const me = await PluginUser.start(t)
    const { stdout, stderr } = await me.ok([...CREATE, '--help'])
    t.match(stdout, /DRIVER GODOUBLE FLAGS/)
    for (const flag of [
      /--godouble-token=STRING\s+API token of the account \[env:\s+GODOUBLE_TOKEN\]/,
      /--godouble-cpus=INTEGER\s+Number of processors \[env: GODOUBLE_CPUS;\s+default: 2\]/,
      /--godouble-label=LIST\.\.\.\s+Label of the server, KEY=VALUE \[default:\s+made-by=double; may be repeated\]/,
      /--godouble-private\s+Give it a private address too \[env:\s+GODOUBLE_PRIVATE\]/,
    ])
      t.match(stdout, flag)
    t.notMatch(stdout + stderr, TOKEN, 'the value of a variable is not shown')
    t.same(me.provider.alive(), [])
  },
)

for (const [what, words, env, told] of [
  ['a value of another type', ['--godouble-cpus', 'many'], {}, /--godouble-cpus wants a whole number/],
  [
    'a variable of another type',
    [],
    { GODOUBLE_CPUS: 'many' },
    /GODOUBLE_CPUS: "many" is not a whole number/,
  ],
  [
    'a flag that it does not have',
    ['--godouble-colour', 'red'],
    {},
    /flag provided but not defined: -godouble-colour/,
  ],
  ['a flag of another driver', ['--hetzner-image', 'x'], {}, /--hetzner-image/],
] as const)
  t.test(`${what} is a usage error, and the plugin makes nothing`, async (t) => {
    const me = await PluginUser.start(t)
    const outcome = await me.run([...CREATE, ...words, 'web'], { env })
    t.match(outcome, { code: 2, stderr: told })
    t.notOk(me.has('web'))
    t.same(me.provider.calls('Create'), [])
    t.same(me.provider.alive(), [])
  })

for (const [method, code, exitCode, message] of [
  ['SetConfigFromFlags', 'usage', 2, 'Error setting machine configuration from flags provided: no such size'],
  ['PreCreateCheck', 'preflight', 3, 'Error with pre-create check: "no such size"'],
] as const)
  t.test(`an error of ${method} is told in the plugin's words; nothing is made or recorded`, async (t) => {
    const me = await PluginUser.start(t)
    me.provider.script({ at: method, do: 'error', text: 'no such size' })
    const outcome = await me.run([...CREATE, '--json', 'web'])
    t.equal(outcome.code, exitCode)
    t.match(json(outcome.stdout), { ok: false, error: { code, message } })
    t.notOk(me.has('web'))
    t.same(me.provider.servers, [])
    t.same(me.provider.calls('Create'), [])
    t.same(me.provider.alive(), [])
  })

t.test('what the plugin needs and was not given, it says itself before anything is made', async (t) => {
  const me = await PluginUser.start(t)
  const outcome = await me.run([...CREATE, 'web'], { env: { GODOUBLE_TOKEN: '' } })
  t.match(outcome, { code: 3, stderr: /godouble driver requires the --godouble-token option/ })
  t.match(outcome.stderr, 'tsmachine create --driver godouble --help')
  t.notMatch(outcome.stderr, 'doctor')
  t.notOk(me.has('web'))
})

t.test("a whole life of a machine, whose state is the plugin's own", async (t) => {
  const me = await PluginUser.start(t)
  const host = await me.host(t)
  const lists = ['--godouble-label', 'a=b', '--godouble-label', 'c=d,e']
  const env = { GODOUBLE_SIZE: 'big', GODOUBLE_TAG: 'one,two' }
  const made = await me.ok([...CREATE, ...hostFlags(host), ...lists, 'web'], { env })
  await t.test('its words are shown as ours, and the secret in its state is told once', (t) => {
    t.match(made.stderr, /\(web\) Creating server\.\.\.\n\(web\) Server srv-1 is running\n/)
    t.match(made.stderr, /settings, secrets among them, in clear text in config\.json/)
    t.notMatch(made.stderr, /made server srv-1/, 'debug lines are not')
    t.notMatch(made.stderr + made.stdout, TOKEN)
    t.end()
  })
  await t.test('its state is in config.json as it gave it, and nothing of it in our record', (t) => {
    const text = me.text('web', 'config.json')
    t.match(text, /"Serial": 9007199254740995,/, 'a number that no float holds')
    t.match(me.config('web').Driver, {
      ...{ ApiToken: TOKEN, ServerID: 'srv-1', Size: 'big', Cpus: 2 },
      Labels: { a: 'b', c: 'd,e' },
      Tags: ['one', 'two'],
      Network: { Name: 'net-web', Subnets: [{ Gateway: '10.0.0.1' }, { Gateway: null }] },
    })
    t.equal(me.config('web').DriverName, 'godouble')
    t.equal(me.mode('web', 'config.json'), 0o600)
    t.equal(me.mode('web', 'id_rsa'), 0o600)
    const ours = me.text('web', 'tsmachine.json')
    t.notMatch(ours, TOKEN)
    t.notMatch(ours, /srv-1|9007199254740995|made-by/)
    t.match(me.ledger('web').driver, { name: 'godouble', config: {}, unread: true })
    t.end()
  })
  await t.test('inspect never shows the secret', async (t) => {
    const plain = await me.ok(['inspect', 'web'])
    t.match(plain.stdout, /"ApiToken": "\[secret\]"/)
    const document = await me.ok(['inspect', '--json', 'web'])
    const format = await me.ok(['inspect', '--format', '{{.Driver.ApiToken}} {{.Driver.ServerID}}', 'web'])
    t.equal(format.stdout, '[secret] srv-1\n')
    const whole = await me.ok(['inspect', '--format', '{{json .}}', 'web'])
    for (const { stdout } of [plain, document, whole]) t.notMatch(stdout, TOKEN)
  })
  await t.test('it is listed, asked, stopped and started', async (t) => {
    t.match((await me.ok(['ls'])).stdout, /^web .* godouble +Running +tcp:\/\/127\.0\.0\.1:\d+ /m)
    t.equal((await me.ok(['ip', 'web'])).stdout, '127.0.0.1\n')
    t.equal((await me.ok(['url', 'web'])).stdout, `tcp://127.0.0.1:${host.engine.port}\n`)
    t.equal((await me.ok(['ssh', 'web', 'true'])).code, 0)
    t.match((await me.ok(['stop', 'web'])).stderr, /\(web\) Stopping server srv-1\.\.\./)
    t.equal((await me.ok(['status', 'web'])).stdout, 'Stopped\n')
    t.match(await me.run(['url', 'web']), { code: 1, stderr: /Host is not running/ })
    t.match(await me.run(['stop', 'web']), { code: 1, stderr: /already stopped/ })
    await me.ok(['start', 'web'])
    t.equal(me.config('web').Driver['Boots'], 1, 'what changed in its state is kept')
    t.match(me.text('web', 'config.json'), /"Serial": 9007199254740995,/)
    await me.ok(['restart', 'web'])
    await me.ok(['kill', 'web'])
    t.same(
      me.provider.servers.map(({ state }) => state),
      ['Stopped'],
    )
  })
  t.match(await me.ok(['rm', '-y', 'web']), { stderr: /Successfully removed web/ })
  t.same(me.provider.servers, [])
  t.notOk(me.has('web'))
  t.same(me.provider.alive(), [])
})

t.test(
  'debug lines of the plugin come with --debug, and its last words with the error when it dies',
  async (t) => {
    const me = await PluginUser.start(t)
    me.provider.script(
      { at: 'PreCreateCheck', do: 'print', stream: 'stderr', text: 'said aside' },
      { at: 'PreCreateCheck', do: 'error', text: 'no such size' },
    )
    const quiet = await me.run([...CREATE, 'web'])
    t.notMatch(quiet.stderr, 'said aside')
    const loud = await me.run(['--debug', ...CREATE, 'web'])
    t.match(loud.stderr, 'said aside')
    me.provider.script({ at: 'Create', do: 'panic-string', text: 'nobody catches this' })
    const dead = await me.run([...CREATE, 'web'])
    t.match(dead, { code: 1, stderr: /plugin of driver godouble ended with status 2[^]*nobody catches this/ })
    t.match(dead.stderr, /Warning: .* look for web at its provider/)
    const document = await me.run([...CREATE, '--json', 'third'])
    t.match(json(document.stdout), { error: { code: 'driver', stage: 'make', machine: 'third' } })
    t.notMatch(quiet.stderr + loud.stderr + dead.stderr + document.stdout, TOKEN)
  },
)

t.test(
  'a record that docker-machine wrote is driven by the plugin; without it what is recorded still works',
  async (t) => {
    const me = await PluginUser.start(t)
    const host = await me.host(t)
    await me.ok([...CREATE, ...hostFlags(host), 'web'])
    const without = { env: { PATH: process.env['PATH'] ?? '' } }
    await t.test('the plugin is gone, the record is ours', async (t) => {
      t.match((await me.ok(['ls'], without)).stdout, /^web .* godouble /m)
      t.equal((await me.ok(['ip', 'web'], without)).stdout, '127.0.0.1\n')
      t.match(await me.run(['stop', 'web'], without), { code: 1, stderr: /docker-machine-driver-godouble/ })
      t.match(await me.run(['rm', '-y', 'web'], without), {
        code: 1,
        stderr: /docker-machine-driver-godouble/,
      })
      t.ok(me.has('web', 'tsmachine.json'), 'the record is kept')
    })
    me.asOfDockerMachine('web')
    t.match((await me.ok(['ls'], without)).stdout, /^web .* godouble /m)
    t.match((await me.ok(['ls'])).stdout, /^web .* godouble +Running +tcp:/m)
    t.equal((await me.ok(['ip', 'web'])).stdout, '127.0.0.1\n')
    await me.ok(['stop', 'web'])
    t.same(
      me.provider.servers.map(({ state }) => state),
      ['Stopped'],
    )
    await me.ok(['start', 'web'])
    t.same(
      me.provider.servers.map(({ state }) => state),
      ['Running'],
    )
    await me.ok(['rm', '-y', 'web'])
    t.same(me.provider.servers, [])
  },
)

t.test('a plugin with the name of a driver of ours is had by plugin:NAME', async (t) => {
  const me = await PluginUser.start(t, { plugins: ['qemu'] })
  const host = await me.host(t)
  t.notMatch((await me.ok(['create', '-d', 'qemu', '--help'])).stdout, '--qemu-provider')
  await me.ok(['create', '-d', 'plugin:qemu', ...hostFlags(host, 'qemu'), 'web'])
  t.equal(me.config('web').DriverName, 'qemu', 'as docker-machine calls it')
  t.equal(me.ledger('web').driver.name, 'plugin:qemu')
  t.match((await me.ok(['ls'])).stdout, /^web .* Running +tcp:/m)
  await me.ok(['stop', 'web'])
  t.same(
    me.provider.servers.map(({ state }) => state),
    ['Stopped'],
  )
  // One of its own keys, by which its records are known.
  me.asOfDockerMachine('web', { FirstQuery: false })
  t.match((await me.ok(['ls'])).stdout, /^web .* qemu +Stopped /m, 'its record is not taken for one of ours')
  await me.ok(['rm', '-y', 'web'])
  t.same(me.provider.servers, [])
})

t.test('several machines of a plugin are made and removed side by side', async (t) => {
  const me = await PluginUser.start(t)
  const host = await me.host(t)
  const count = size('pluginCreates')
  await me.ok([...CREATE, ...hostFlags(host), '-n', String(count), 'm-{n}'], { limitMs: 200_000 })
  t.equal(me.provider.servers.length, count)
  const names = (await me.ok(['ls', '-q'])).stdout.split('\n').filter(Boolean)
  const serials = names.map((name) => /"Serial": (\d+)/.exec(me.text(name, 'config.json'))?.[1])
  t.equal(new Set(serials).size, count, 'no state got into the record of another')
  await me.ok(['rm', '-y', ...names], { limitMs: 200_000 })
  t.same(me.provider.servers, [])
  t.same(me.provider.alive(), [])
})
