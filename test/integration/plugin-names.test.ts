/** Which program serves the name of a driver that we do not have: docker-machine's own, and never we ourselves. */
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROGRAM } from '../helpers/cli.js'
import { goProgram } from '../helpers/go-programs.js'
import { PluginUser, hostFlags } from '../helpers/plugin-user.js'

t.setTimeout(300_000)

/** The stand-in for docker-machine's own program. */
const folder = await goProgram('plugin', 'docker-machine')
const LEGACY = join(folder, 'docker-machine')

const WAYS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['TSMACHINE_LEGACY_BINARY', { TSMACHINE_LEGACY_BINARY: LEGACY }],
  ['PATH', { PATH: `${folder}:${process.env['PATH']}` }],
]

for (const [how, env] of WAYS)
  t.test(`docker-machine:generic is served by the program that ${how} names`, async (t) => {
    const me = await PluginUser.start(t, { plugins: [], env })
    const host = await me.host(t)
    const words = ['create', '-d', 'docker-machine:generic']
    t.match((await me.ok([...words, '--help'])).stdout, /--generic-provider=STRING/)
    const flags = hostFlags(host, 'generic')
    await me.ok([...words, ...flags, '--generic-token', 'x-token-x', 'web'])
    t.equal(me.config('web').DriverName, 'generic', 'as docker-machine calls it')
    t.equal(me.ledger('web').driver.name, 'docker-machine:generic')
    await me.ok(['stop', 'web'])
    t.match((await me.ok(['ls'])).stdout, /^web .* Stopped /m)
    await me.ok(['start', 'web'])
    await me.ok(['rm', '-y', 'web'])
    t.same(me.provider.servers, [])
    t.same(me.provider.alive(), [])
  })

t.test('docker-machine:none is a machine without SSH', async (t) => {
  const me = await PluginUser.start(t, { plugins: ['docker-machine'] })
  await me.ok(['create', '-d', 'docker-machine:none', '--none-address', '127.0.0.9', 'there'])
  t.equal((await me.ok(['url', 'there'])).stdout, 'tcp://127.0.0.9:2376\n')
  t.same(me.ledger('there').stepsDone, ['make'])
  await me.ok(['rm', '-y', 'there'])
  t.same(me.provider.servers, [])
})

t.test(
  'its drivers by their plain names: for machines that exist, and where they are asked for',
  async (t) => {
    const me = await PluginUser.start(t, { plugins: ['docker-machine'] })
    const host = await me.host(t)
    const words = ['create', '-d', 'virtualbox', ...hostFlags(host, 'virtualbox'), 'vbox']
    const refused = await me.run(words)
    t.match(refused, { code: 2, stderr: /--driver docker-machine:virtualbox/ })
    t.same(me.provider.processes(), [], 'nothing was started')
    await me.ok(words, { env: { TSMACHINE_LEGACY_DRIVERS: '1' } })
    t.equal(me.config('vbox').DriverName, 'virtualbox')
    await me.ok(['stop', 'vbox'])
    me.asOfDockerMachine('vbox')
    t.match((await me.ok(['ls'])).stdout, /^vbox .* virtualbox +Stopped /m)
    await me.ok(['start', 'vbox'])
    await me.ok(['rm', '-y', 'vbox'])
    t.same(me.provider.servers, [])
  },
)

t.test('without docker-machine here, what to do is said', async (t) => {
  const me = await PluginUser.start(t, { plugins: [] })
  const outcome = await me.run(['create', '-d', 'docker-machine:virtualbox', 'web'])
  t.match(outcome, { code: 2, stderr: /TSMACHINE_LEGACY_BINARY=/ })
  for (const [value, told] of [
    ['/nowhere/docker-machine', /names no program/],
    [PROGRAM, /leads to tsmachine itself/],
  ] as const) {
    const env = { TSMACHINE_LEGACY_BINARY: value }
    const wrong = await me.run(['create', '-d', 'docker-machine:virtualbox', 'web'], { env })
    t.match(wrong, { code: 3, stderr: told })
  }
})

t.test('links to ourselves are never started as plugins', async (t) => {
  const me = await PluginUser.start(t, { plugins: [] })
  const links = join(me.home, 'links')
  mkdirSync(links)
  for (const name of ['docker-machine', 'docker-machine-driver-x', 'docker-machine-driver-ts-none'])
    symlinkSync(PROGRAM, join(links, name))
  const env = { PATH: `${links}:${process.env['PATH']}`, TSMACHINE_LEGACY_DRIVERS: '1' }
  for (const driver of ['x', 'plugin:x', 'ts-none', 'virtualbox', 'docker-machine:virtualbox']) {
    const outcome = await me.run(['create', '-d', driver, 'web'], { env })
    t.match(outcome, { code: 2, stderr: /not found|there is no docker-machine here/ }, driver)
    t.notMatch(outcome.stderr, /circle|plugin of driver/, 'it was not even tried')
  }
  t.notOk(me.has('web'))
})

t.test('a wrapper that starts us as the host of itself comes to an end', async (t) => {
  const me = await PluginUser.start(t, { plugins: [] })
  const wrapper = join(me.home, 'docker-machine-driver-loop')
  const starts = join(me.home, 'starts')
  const again = `'${process.execPath}' '${PROGRAM}' create -d loop web`
  // Its token must not make us a plugin: a wrapper has its own reasons.
  const script = `#!/bin/sh\necho x >>'${starts}'\nunset MACHINE_PLUGIN_TOKEN\n${again} >&2\nexit 1\n`
  writeFileSync(wrapper, script)
  chmodSync(wrapper, 0o755)
  const env = { PATH: `${me.home}:${process.env['PATH']}` }
  const outcome = await me.run(['create', '-d', 'loop', 'web'], { env })
  t.match(outcome, { code: 1, stderr: /start each other in a circle/ })
  t.ok(existsSync(starts))
  t.equal(readFileSync(starts, 'utf8'), 'x\nx\n', 'two of us, no more')
})
