/** The single executable (docs/architecture.md), away from Node, from the checkout and from everything that made it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { HELPER_WORD } from '../../src/util/own-program.js'
import { packageRoot } from '../../src/util/paths.js'
import { buildBinary } from '../../tools/binary.js'
import { type Outcome, PROGRAM, TestUser } from '../helpers/cli.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { poll } from '../helpers/poll.js'
import { freePort } from '../helpers/sshd.js'

t.setTimeout(600_000)
t.jobs = 1

const SECRET = 'a-token-of-who-builds-it'
const URL_OF_NONE = 'tcp://127.0.0.1:1'

const scratch = scratchDir(t)
const program = join(scratch, 'elsewhere', 'tsmachine')

interface User {
  readonly me: TestUser
  readonly cache: string
  readonly run: (args: readonly string[], env?: Record<string, string>, as?: string) => Promise<Outcome>
}

/** A user without Node and without any file of ours but the executable. */
function user(t: Test): User {
  const me = new TestUser()
  t.teardown(() => rmSync(me.home, { recursive: true, force: true }))
  const empty = join(me.home, 'empty')
  mkdirSync(empty)
  const cache = join(me.home, 'cache')
  const own = { PATH: empty, XDG_CACHE_HOME: cache }
  return {
    me,
    cache,
    run: async (args, env = {}, as = program) =>
      await me.run(as, args, { env: { ...own, ...env }, cwd: '/', limitMs: 60_000 }),
  }
}

/** The folder with what was unpacked. */
function unpacked(cache: string): string {
  const parent = join(cache, 'tsmachine', 'package')
  const [name = ''] = readdirSync(parent)
  return join(parent, name)
}

t.before(async () => {
  process.env['BUILDER_TOKEN'] = SECRET
  const built = await buildBinary({ node: process.execPath, out: join(scratch, 'built') })
  delete process.env['BUILDER_TOKEN']
  mkdirSync(join(scratch, 'elsewhere'))
  copyFileSync(built, program)
})

t.test('it says what the program says, byte for byte', async (t) => {
  const { me, cache, run } = user(t)
  const created = await run(['create', '-d', 'none', '--url', URL_OF_NONE, 'web'])
  t.match(created, { code: 0 }, created.stderr)
  const lines = [
    '--version',
    '--help',
    'create --help',
    'create --driver hetzner --help',
    'image build --help',
    'drivers',
    'env web',
    'env --shell fish web',
    'env nobody',
    'ip web',
    'url web',
    'status web',
    'inspect web',
    'inspect -f {{.Driver.URL}} web',
    'ls -q',
    'ls',
    'active',
    'env --no-such-flag web',
    'nonsense',
    'create --driver nonee web2',
    'ssh-config',
  ]
  for (const line of lines) {
    const words = line.split(' ')
    const env = { PATH: join(me.home, 'empty'), XDG_CACHE_HOME: cache }
    const plain = await me.run(process.execPath, [PROGRAM, ...words], { env, cwd: '/' })
    t.same(await run(words), plain, line)
  }
})

t.test('hot forms are answered without anything being unpacked', async (t) => {
  const { cache, run } = user(t)
  await run(['create', '-d', 'none', '--url', URL_OF_NONE, 'web'])
  rmSync(cache, { recursive: true })
  for (const line of ['env web', 'ip web', 'url web', 'inspect web', 'ls -q']) await run(line.split(' '))
  t.notOk(existsSync(join(cache, 'tsmachine', 'package')))
  t.match(await run(['ls']), { code: 0 })
  t.ok(existsSync(unpacked(cache)))
})

t.test('a link by the name of docker-machine makes it that, and shim install makes the link', async (t) => {
  const { me, run } = user(t)
  const bin = join(me.home, 'bin')
  mkdirSync(bin)
  const link = join(bin, 'docker-machine')
  t.match(await run(['shim', 'install', bin]), { code: 0, stdout: `${link} now leads to ${program}\n` })
  t.equal(readlinkSync(link), program)
  t.match(await run(['-v'], {}, link), { code: 0, stdout: /^docker-machine version .*, build / })
  t.match(await run(['shim', 'install', bin]), { stdout: `${link} leads to ${program} already\n` })
  rmSync(link)
  symlinkSync('/nowhere/tsmachine', link)
  t.match(await run(['shim', 'install', bin]), { code: 0, stdout: `${link} now leads to ${program}\n` })
  t.match(await run(['shim', 'uninstall', bin]), { code: 0 })
  t.notOk(existsSync(link))
})

t.test('everything that ships is unpacked as it is, once, for its user alone', async (t) => {
  const { cache, run } = user(t)
  await Promise.all([run(['drivers']), run(['drivers']), run(['drivers'])])
  const dir = unpacked(cache)
  t.equal(readdirSync(join(dir, '..')).length, 1)
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map(({ parentPath, name }) => join(parentPath, name).slice(dir.length + 1))
  for (const wanted of ['provision/host/apply.sh', 'image-build/packages', 'package.json', 'LICENSE'])
    t.ok(
      paths.some((path) => path.startsWith(wanted)),
      wanted,
    )
  const differing = paths.filter(
    (path) => !readFileSync(join(dir, path)).equals(readFileSync(join(packageRoot(), path))),
  )
  t.same(differing, [])
})

t.test('what was changed or added there is put right before it is used', async (t) => {
  const { cache, run } = user(t)
  await run(['drivers'])
  const dir = unpacked(cache)
  appendFileSync(join(dir, 'provision/host/apply.sh'), 'echo owned\n')
  writeFileSync(join(dir, 'provision/host/lib/zz.sh'), 'echo owned\n')
  t.match(await run(['drivers']), { code: 0, stderr: '' })
  t.notMatch(readFileSync(join(dir, 'provision/host/apply.sh'), 'utf8'), 'owned')
  t.notOk(existsSync(join(dir, 'provision/host/lib/zz.sh')))
})

t.test('without a cache that can be written it works all the same and leaves nothing', async (t) => {
  const { me, run } = user(t)
  const tmp = join(me.home, 'tmp')
  mkdirSync(tmp)
  t.match(await run(['--help'], { XDG_CACHE_HOME: '/dev/null/cache', TMPDIR: tmp }), { code: 0, stderr: '' })
  t.same(readdirSync(tmp), [])
})

t.test('its helpers are the executable itself, and end with what they serve', async (t) => {
  const { me, cache } = user(t)
  const [plan, state] = [join(me.home, 'plan.json'), join(me.home, 'state.json')]
  const port = await freePort()
  writeFileSync(plan, JSON.stringify({ port, remotePort: 1, endpoint: {}, hostKeys: [], login: {} }))
  const helper = spawn(program, [HELPER_WORD, 'engine-tunnel', JSON.stringify({ plan, state })], {
    env: { PATH: '', HOME: me.home, XDG_CACHE_HOME: cache },
    stdio: 'ignore',
    cwd: '/',
  })
  const ended = once(helper, 'exit')
  t.teardown(() => helper.kill('SIGKILL'))
  await poll(30_000, async () => existsSync(state), 50)
  t.match(JSON.parse(readFileSync(state, 'utf8')), { pid: helper.pid, port })
  rmSync(plan)
  t.same(await ended, [0, null])
})

t.test('nothing of the computer that made it is inside, and the licences are beside it', async (t) => {
  const inside = readFileSync(program)
  const root = packageRoot()
  const secrets = [
    SECRET,
    `${root}/dist`,
    `${root}/src`,
    `${root}/node_modules`,
    'tsmachine-binary-',
    scratch,
  ]
  const user = `${userInfo().username}@${hostname()}`
  for (const text of [...secrets, user]) t.notOk(inside.includes(text), text)
  const licences = readFileSync(join(scratch, 'built', 'LICENSES.txt'), 'utf8')
  t.match(licences, /Copyright Node\.js contributors/)
  t.match(licences, /== ssh2 /)
})
