/** The store against links, wide modes and umask 000, with the built program. */
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Outcome, PROGRAM, TestUser } from '../helpers/cli.js'

t.setTimeout(300_000)
const NONE = ['create', '-d', 'none', '--url', 'tcp://192.0.2.7:2376']

function bench(t: Test): { user: TestUser; outside: string } {
  const user = new TestUser()
  t.teardown(() => user.cleanUp())
  const outside = join(user.home, 'outside')
  mkdirSync(outside)
  for (const name of ['diary', 'config.json']) writeFileSync(join(outside, name), 'mine')
  return { user, outside }
}

/** Whether all that is outside is as it was. */
function isWhole(outside: string): boolean {
  const names = readdirSync(outside).sort()
  return (
    names.join() === 'config.json,diary' &&
    names.every((name) => readFileSync(join(outside, name), 'utf8') === 'mine')
  )
}

t.test('a link in the place of a machine is no machine, and where it leads nothing is touched', async (t) => {
  const { user, outside } = bench(t)
  await user.ok([...NONE, 'web'])
  symlinkSync(outside, join(user.store, 'machines/evil'))
  t.equal(await user.ok(['ls', '-q']), 'web\n')
  for (const words of [
    ['rm', '-f', 'evil'],
    ['env', 'evil'],
    ['stop', 'evil'],
    [...NONE, 'evil'],
  ])
    t.match((await user.tsmachine(words)).stderr, /does not exist|already exists/, words.join(' '))
  t.ok(lstatSync(join(user.store, 'machines/evil')).isSymbolicLink())
  t.ok(isWhole(outside))
})

t.test('rm of a machine in whose folder links lie removes the links alone', async (t) => {
  const { user, outside } = bench(t)
  await user.ok([...NONE, 'web'])
  const dir = join(user.store, 'machines/web')
  symlinkSync(outside, join(dir, 'folder'))
  symlinkSync(join(outside, 'diary'), join(dir, 'file'))
  symlinkSync(outside, join(dir, 'data.raw'))
  linkSync(join(outside, 'diary'), join(dir, 'hard'))
  symlinkSync(outside, join(user.store, 'machines/.web.gone-0123456789ab'))
  await user.ok(['rm', '-y', 'web'])
  t.notOk(existsSync(dir))
  t.ok(isWhole(outside))
})

t.test('links under the names of unfinished files lead no write outside', async (t) => {
  const { user, outside } = bench(t)
  await user.ok([...NONE, 'web'])
  const dir = join(user.store, 'machines/web')
  for (const name of ['.config.json.next', '.config.json.next.0123456789ab.tmp'])
    symlinkSync(join(outside, 'diary'), join(dir, name))
  // Whoever changes a record clears up first.
  await user.ok(['rm', '-y', 'web'])
  await user.ok([...NONE, 'web'])
  t.ok(isWhole(outside))
})

t.test('a link in the place of a lock is told, and neither followed nor broken', async (t) => {
  const { user, outside } = bench(t)
  await user.ok([...NONE, 'web'])
  const lock = join(user.store, 'locks/new.lock')
  symlinkSync(join(outside, 'diary'), lock)
  const refused = await user.tsmachine([...NONE, 'new'])
  t.not(refused.code, 0)
  t.match(refused.stderr, /"new" is locked by an unreadable lock file[^]*rm '.*new\.lock'/)
  t.ok(lstatSync(lock).isSymbolicLink())
  t.ok(isWhole(outside))
})

t.test('with umask 000 others may write to nothing, and enter nothing of the store', async (t) => {
  const { user } = bench(t)
  const loose = async (...words: string[]): Promise<Outcome> =>
    await user.run('sh', ['-c', 'umask 000; exec "$@"', 'sh', process.execPath, PROGRAM, ...words], {
      env: { XDG_CACHE_HOME: join(user.home, 'cache'), TSMACHINE_EXPORT_PASSPHRASE: 'a horse and a battery' },
    })
  const file = join(user.home, 'export')
  for (const words of [
    [...NONE, 'web'],
    ['ls'],
    ['env', 'web'],
    ['store', 'id'],
    ['doctor'],
    ['ssh-config', '--install'],
    ['export', 'web', file],
    ['rm', '-y', 'web'],
    ['import', file],
  ]) {
    const { stderr } = await loose(...words)
    t.notMatch(stderr, /Warning: Other users/, words.join(' '))
  }
  t.ok(existsSync(join(user.store, 'machines/web/config.json')), 'export and import have worked')
  const made = [user.store, join(user.home, 'cache'), join(user.home, 'run'), join(user.home, '.ssh'), file]
  const all = made.filter((path) => existsSync(path)).flatMap(withAllBelow)
  t.ok(all.length > 15, `${all.length} files and directories`)
  t.strictSame(
    all.filter((path) => !lstatSync(path).isSymbolicLink() && (lstatSync(path).mode & 0o022) !== 0),
    [],
  )
  const open = withAllBelow(user.store).filter((path) => (lstatSync(path).mode & 0o077) !== 0)
  t.strictSame(
    open.filter((path) => !/\/(ca|cert|server)\.pem$/.test(path)),
    [],
    'certificates, which are no secret, lie in closed directories',
  )
  t.equal(lstatSync(file).mode & 0o777, 0o600)
})

t.test('a store that is open to others is told once, with what closes it, and by doctor', async (t) => {
  const { user } = bench(t)
  await user.ok([...NONE, 'web'])
  await user.ok([...NONE, 'db'])
  chmodSync(user.store, 0o755)
  t.notMatch((await user.tsmachine(['ls'])).stderr, /Other users/)
  const doctor = await user.tsmachine(['doctor'])
  t.match(doctor.stdout + doctor.stderr, /Other users may look into the store/)
  const removed = await user.tsmachine(['rm', '-y', 'web', 'db'])
  t.equal(removed.code, 0, removed.stderr)
  const told = removed.stderr.split('\n').filter((line) => line.includes('Other users'))
  t.equal(told.length, 1, removed.stderr)
  const mend = /chmod -R go= '[^']*'/.exec(told[0] ?? '')?.[0] ?? ''
  t.equal((await user.run('sh', ['-c', mend], {})).code, 0)
  await user.ok([...NONE, 'web'])
  t.notMatch((await user.tsmachine(['rm', '-y', 'web'])).stderr, /Other users/)
})

const asRoot = { skip: process.getuid?.() !== 0 && 'needs root' }
t.test('root in the store of another user is told to run without sudo', asRoot, async (t) => {
  const { user } = bench(t)
  await user.ok([...NONE, 'web'])
  chownSync(user.store, 61_111, 61_111)
  const { stderr } = await user.tsmachine(['rm', '-y', 'web'])
  t.match(
    stderr,
    /belongs to the user with id 61111, and you are root[^]*Run it without sudo[^]*chown -R 61111/,
  )
})

function withAllBelow(path: string): readonly string[] {
  if (!lstatSync(path).isDirectory()) return [path]
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  return [path, ...entries.map(({ parentPath, name }) => join(parentPath, name))]
}
