import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { previousProgram } from '../../src/cli/previous-program.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'

t.setTimeout(300_000)

const SYSTEM = '/usr/bin:/bin'

interface Bench {
  readonly me: TestUser
  readonly bin: string
  readonly run: (args: readonly string[], path?: string) => ReturnType<TestUser['tsmachine']>
}

/** A user whose PATH begins with a directory of their own. */
function bench(t: Test): Bench {
  const me = new TestUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const bin = join(me.home, 'bin')
  mkdirSync(bin)
  return {
    me,
    bin,
    run: (args, path = `${bin}:${SYSTEM}`) =>
      me.tsmachine(['shim', ...args], { env: { PATH: path, XDG_CONFIG_HOME: join(me.home, 'conf') } }),
  }
}

function putOther(dir: string): string {
  const path = join(dir, 'docker-machine')
  writeFileSync(path, '#!/bin/sh\necho the old one\n')
  chmodSync(path, 0o755)
  return path
}

const confEnv = (me: TestUser) => ({ XDG_CONFIG_HOME: join(me.home, 'conf') })

t.test('install links the name, again changes nothing, and the link answers as docker-machine', async (t) => {
  const { me, bin, run } = bench(t)
  const link = join(bin, 'docker-machine')
  t.match(await run(['install']), { code: 0, stderr: '', stdout: `${link} now leads to ${PROGRAM}\n` })
  t.equal(readlinkSync(link), PROGRAM)
  const before = lstatSync(link).ino
  t.match(await run(['install']), { code: 0, stdout: `${link} leads to ${PROGRAM} already\n` })
  t.equal(lstatSync(link).ino, before)
  t.equal(previousProgram(confEnv(me)), undefined)
  const said = spawnSync(link, ['-v'], { env: me.env, encoding: 'utf8' })
  t.match(said, { status: 0, stdout: /^docker-machine version \S+, build tsmachine\n$/ })
  t.match(await run(['uninstall']), { code: 0, stdout: `Removed ${link}\n` })
  t.notOk(existsSync(link))
  t.match(await run(['uninstall']), { code: 0, stdout: 'There is no link of ours to remove\n' })
})

t.test(
  'a docker-machine that is not ours stays, until --force moves it aside; uninstall puts it back',
  async (t) => {
    const { me, bin, run } = bench(t)
    const other = putOther(bin)
    const text = readFileSync(other, 'utf8')
    t.match(await run(['install', bin]), { code: 1, stderr: /is another docker-machine[\s\S]*--force/ })
    t.match(await run(['uninstall', bin]), { code: 1, stderr: /is not our link/ })
    t.equal(readFileSync(other, 'utf8'), text)
    const forced = await run(['install', '--force', bin, '--json'])
    const aside = `${other}.before-tsmachine`
    t.match(JSON.parse(forced.stdout), {
      command: 'shim install',
      result: {
        path: other,
        target: PROGRAM,
        changed: true,
        previous: { path: aside, movedFrom: other },
        firstIsOurs: true,
      },
    })
    t.equal(readlinkSync(other), PROGRAM)
    t.equal(readFileSync(aside, 'utf8'), text)
    t.same(previousProgram(confEnv(me)), { path: aside, movedFrom: other })
    t.match(
      await run(['install', bin]),
      { code: 0, stdout: /already\n.*from before is / },
      'it stays recorded',
    )
    t.match(await run(['uninstall', bin]), { code: 0 })
    t.equal(readFileSync(other, 'utf8'), text)
    t.equal(previousProgram(confEnv(me)), undefined)
  },
)

t.test('one elsewhere in PATH is recorded, and named where it comes first', async (t) => {
  const { me, bin, run } = bench(t)
  const old = join(me.home, 'old')
  mkdirSync(old)
  const other = putOther(old)
  t.match(await run(['install', bin], `${old}:${bin}:${SYSTEM}`), {
    code: 0,
    stdout: new RegExp(`from before is ${other}\n.*another docker-machine comes first: ${other}\n`),
  })
  t.same(previousProgram(confEnv(me)), { path: other })
  const after = await run(['install', bin], `${bin}:${old}:${SYSTEM}`)
  t.match(after, { code: 0, stdout: new RegExp(`from before is ${other}\n$`) })
  rmSync(other)
  t.equal(previousProgram(confEnv(me)), undefined, 'one that is gone is not there')
})

t.test(
  'places: a directory out of PATH is named, a wrong one refused, a link to a lost copy replaced',
  async (t) => {
    const { me, bin, run } = bench(t)
    const away = join(me.home, 'away')
    mkdirSync(away)
    t.match(await run(['install', away]), { code: 0, stdout: /not in PATH/ })
    t.match(await run(['install', join(me.home, 'nowhere')]), { code: 2, stderr: /is not a directory/ })
    t.match(await run(['install', away, bin]), { code: 2, stderr: /Expected one directory/ })
    const link = join(bin, 'docker-machine')
    symlinkSync('/nowhere/tsmachine/bin/run.cjs', link)
    t.match(await run(['install']), { code: 0, stdout: `${link} now leads to ${PROGRAM}\n` })
    const beside = join(me.home, 'beside')
    mkdirSync(beside)
    symlinkSync(PROGRAM, join(beside, 'tsmachine'))
    const { stdout } = await run(['install'], `${bin}:${beside}:${SYSTEM}`)
    t.match(stdout, join(beside, 'docker-machine'), 'beside tsmachine')
    t.match(await run(['uninstall'], `${bin}:${beside}:${SYSTEM}`), {
      code: 0,
      stdout: /Removed .*\nRemoved /,
    })
  },
)

t.test('a script that cannot pass its name on says it in a variable, which goes no further', async (t) => {
  const { me } = bench(t)
  const env = { TSMACHINE_CALLED_AS: 'docker-machine' }
  t.match(await me.tsmachine(['-v'], { env }), { stdout: /^docker-machine version / })
})

t.test('a driver is linked under a name of its own, which answers as a plugin', async (t) => {
  const { me, bin, run } = bench(t)
  const link = join(bin, 'docker-machine-driver-ts-hetzner')
  const said = `${link} now leads to ${PROGRAM}\ndocker-machine create --driver ts-hetzner NAME\n`
  t.match(await run(['install', '--driver', 'hetzner']), { code: 0, stderr: '', stdout: said })
  t.equal(readlinkSync(link), PROGRAM)
  t.match(await run(['install', '--driver', 'hetzner']), { code: 0, stdout: /leads to .* already/ })
  t.match(await me.run(link, []), { code: 1, stdout: '', stderr: /hetzner[\s\S]*\(API version: 1\)\n$/ })
  t.notOk(existsSync(join(bin, 'docker-machine')), 'docker-machine stays what it is')
  t.match(await run(['install', '--driver', 'hetzner', join(me.home, 'nowhere')]), { code: 2 })
  const other = putOther(bin)
  t.match(await run(['uninstall', bin]), { code: 0, stderr: '', stdout: `Removed ${link}\n` })
  t.notOk(existsSync(link))
  t.ok(existsSync(other), 'the docker-machine that it stood beside stays')
})

t.test(
  'qemu is also offered under the name of its community plugin, and never takes its place',
  async (t) => {
    const { bin, run } = bench(t)
    const link = join(bin, 'docker-machine-driver-qemu')
    writeFileSync(link, '#!/bin/sh\necho the other one\n', { mode: 0o755 })
    const install = ['install', '--driver', 'qemu', '--as', 'qemu']
    t.match(await run(install), { code: 1, stderr: /is another program[\s\S]*--force/ })
    const text = readFileSync(link, 'utf8')
    const forced = await run([...install, '--force', '--json'])
    t.match(JSON.parse(forced.stdout), {
      result: { path: link, driver: 'qemu', movedTo: `${link}.before-tsmachine`, changed: true },
    })
    t.equal(readlinkSync(link), PROGRAM)
    t.match(await run(['uninstall']), { code: 0, stdout: `Removed ${link}\n` })
    t.equal(readFileSync(link, 'utf8'), text, 'and it comes back')
  },
)

t.test(
  'names that docker-machine would not look for, or that are of another driver, are refused',
  async (t) => {
    const { run } = bench(t)
    for (const [words, error] of [
      [['--driver', 'digitalocean', '--as', 'digitalocean'], /of its own/],
      [['--driver', 'qemu', '--as', 'hetzner'], /is ts-qemu or qemu/],
      [['--driver', 'qemu', '--as', '../x'], /is ts-qemu or qemu/],
      [['--driver', 'nothing'], /Only our own drivers can be served/],
      [['--as', 'qemu'], /driver/],
    ] as const)
      t.match(await run(['install', ...words]), { code: 2, stdout: '', stderr: error })
  },
)

const ASKED = { MACHINE_PLUGIN_TOKEN: '42', MACHINE_PLUGIN_DRIVER_NAME: 'virtualbox' }

t.test('as docker-machine with a token, the old program is run in our place with our streams', async (t) => {
  const { me, bin, run } = bench(t)
  const other = putOther(bin)
  const shown =
    '#!/bin/sh\necho "$MACHINE_PLUGIN_DRIVER_NAME $MACHINE_PLUGIN_TOKEN $TSMACHINE_PLUGIN_DEPTH $HOME $*"\n'
  writeFileSync(other, `${shown}echo told >&2\nexit 7\n`)
  await run(['install', '--force', bin])
  const env = { ...confEnv(me), ...ASKED }
  const said = await me.run(join(bin, 'docker-machine'), ['ls', '-q'], { env })
  t.match(said, { code: 7, stdout: `virtualbox 42 1 ${me.home} ls -q\n`, stderr: 'told\n' })
  writeFileSync(`${other}.before-tsmachine`, '#!/bin/sh\nkill -TERM $$\n')
  t.match(await me.run(join(bin, 'docker-machine'), [], { env }), { code: 143 })
})

t.test('without an old program there is no such driver, in the words of docker-machine', async (t) => {
  const { me, bin, run } = bench(t)
  await run(['install', bin])
  const env = { ...confEnv(me), ...ASKED, PATH: `${bin}:${SYSTEM}` }
  const said = await me.run(join(bin, 'docker-machine'), [], { env })
  t.match(said, { code: 1, stdout: '', stderr: 'Unsupported driver: virtualbox\n' })
})

t.test('what leads back to us is not started again and again', async (t) => {
  const { me, bin, run } = bench(t)
  await run(['install', bin])
  const link = join(bin, 'docker-machine')
  const env = { ...confEnv(me), ...ASKED, PATH: `${bin}:${SYSTEM}` }
  const asLink = await me.run(link, [], { env: { ...env, TSMACHINE_LEGACY_BINARY: link } })
  t.match(asLink, { code: 3, stderr: /leads to tsmachine itself/ })
  const script = join(me.home, 'old-docker-machine')
  const turns = join(me.home, 'turns')
  writeFileSync(
    script,
    `#!/bin/sh\necho turn >>'${turns}'\nTSMACHINE_LEGACY_BINARY='${script}' exec '${link}' "$@"\n`,
    { mode: 0o755 },
  )
  const asScript = await me.run(link, [], {
    env: { ...env, TSMACHINE_LEGACY_BINARY: script },
    limitMs: 30_000,
  })
  t.match(asScript, { code: 1, stdout: '', stderr: /circle/ })
  t.equal(readFileSync(turns, 'utf8'), 'turn\nturn\n')
})
