/**
 * A VM that an ordinary user makes who has set umask 000: it takes no root, nobody but that user gets at anything of it, and
 * QEMU can do no more than it must.
 */
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { withQmp } from '../../src/drivers/qemu/qmp.js'
import { PROGRAM, TestUser } from '../helpers/cli.js'
import { isLocal, listenersOf, pidsOf, statusOf } from '../helpers/listeners.js'

t.setTimeout(900_000)
/** Users of nobody else, without an entry in passwd. */
const [USER, STRANGER] = [61_111, 61_112]

const as = { uid: USER, gid: USER, env: { HOME: '/' } }
const reachable = spawnSync(process.execPath, [PROGRAM, '--version'], as)
const skip = 'it becomes other users: that takes root, and a checkout that they may read'
if (process.getuid?.() !== 0 || reachable.status !== 0)
  t.test('as an ordinary user', { skip }, () => undefined)
else tried()

function tried(): void {
  const user = new TestUser({ uid: USER })
  t.teardown(() => user.cleanUp())
  // Only what the program makes keeps others out.
  chmodSync(user.home, 0o755)
  const cache = ownCache(user.home)
  const env = { XDG_CACHE_HOME: cache, MACHINE_NATIVE_SSH: '1' }
  const dir = join(user.store, 'machines', 'web')
  const run = join(user.home, 'run/tsmachine')
  const vm = (): Readonly<Record<string, unknown>> => {
    const ledger = JSON.parse(readFileSync(join(dir, 'tsmachine.json'), 'utf8')) as LedgerRecord
    return ledger.resources.find(({ kind }) => kind === 'vm')?.attributes ?? {}
  }

  t.test('create works without root', async (t) => {
    const words = ['create', '--qemu-memory', '1024', '--qemu-disk-size', '4000', 'web']
    const created = await user.run(
      'sh',
      ['-c', 'umask 000; exec "$@"', 'sh', process.execPath, PROGRAM, ...words],
      { env },
    )
    t.equal(created.code, 0, created.stderr)
    t.notMatch(created.stderr, /Warning/)
    t.match(statusOf(Number(vm()['pid'])), { uid: USER, capabilities: /^0+$/ })
  })

  t.test('no other user gets at a file or socket of it', async (t) => {
    const files = [user.store, run, cache, user.dockerConfig].flatMap(below)
    t.ok(files.length > 20, `${files.length} files`)
    const loose = files.filter((path) => isLoose(path))
    t.strictSame(loose, [], 'others may write to none')
    t.strictSame(openedBy(STRANGER, files), [], 'and open none')
    const key = join(dir, 'id_rsa')
    t.strictSame(openedBy(USER, [key, String(vm()['guest'])]), [key, vm()['guest']], 'which its user can')
  })

  t.test('all of its ports are of this computer alone', (t) => {
    const listeners = listenersOf(pidsOf(USER))
    t.ok(listeners.filter((text) => text.startsWith('tcp ')).length >= 2, listeners.join(', '))
    t.ok(listeners.includes(`unix ${String(vm()['control'])}`))
    t.strictSame(
      listeners.filter((text) => !isLocal(text)),
      [],
    )
    t.strictSame(
      listeners.filter((text) => text.startsWith('unix ') && !text.startsWith(`unix ${run}/`)),
      [],
      'sockets are in its runtime directory',
    )
    t.end()
  })

  t.test('QEMU is in a sandbox, and has no device that no guest needs', async (t) => {
    t.equal(statusOf(Number(vm()['pid'])).seccomp, 2, 'a filter of system calls')
    const tree = await withQmp(String(vm()['control']), new AbortController().signal, (qmp) =>
      qmp.human('info qtree'),
    )
    t.match(tree, /dev: virtio-blk-pci/)
    t.notMatch(tree, /dev: .*(vmmouse|vmport|ahci|usb|floppy|fdc|vga|parallel|smbus|e1000|sound|hda)/i)
  })

  t.test('it is suspended, goes on and is reached in the sandbox', async (t) => {
    for (const words of [
      ['suspend', 'web'],
      ['start', 'web'],
    ])
      t.equal((await user.tsmachine(words, { env })).code, 0, words.join(' '))
    t.equal(statusOf(Number(vm()['pid'])).seccomp, 2)
    const said = await user.tsmachine(['ssh', 'web', 'echo', 'here'], { env })
    t.equal(said.stdout.trim(), 'here', said.stderr)
    const engine = await user.docker('web', ['version', '--format', '{{.Server.Os}}'])
    t.equal(engine.stdout.trim(), 'linux', engine.stderr)
  })

  t.test('after rm no process and no socket of that user is left', async (t) => {
    const removed = await user.tsmachine(['rm', '-y', 'web'], { env })
    t.equal(removed.code, 0, removed.stderr)
    t.strictSame(listenersOf(pidsOf(USER)), [])
    t.strictSame(readdirSync(run), [])
  })
}

/** Prints those of its arguments that can be opened, as a file or as a socket. */
const OPENER = `const [fs, net] = [require('node:fs'), require('node:net')]
const say = (path) => console.log(path)
for (const path of process.argv.slice(1))
  try { fs.closeSync(fs.openSync(path)); say(path) }
  catch { const socket = net.connect(path, () => { say(path); socket.destroy() }).on('error', () => undefined) }`

function openedBy(uid: number, paths: readonly string[]): readonly string[] {
  const { stdout, error } = spawnSync(process.execPath, ['-e', OPENER, ...paths], { uid, gid: uid, cwd: '/' })
  if (error) throw error
  return String(stdout).trim().split('\n').filter(Boolean)
}

/** All that is not a directory. */
function below(dir: string): readonly string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name))
}

function isLoose(path: string): boolean {
  const found = lstatSync(path)
  return !found.isSymbolicLink() && (found.mode & 0o022) !== 0
}

/** The boot image in use, in a cache of the user's own. */
function ownCache(home: string): string {
  const from = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tsmachine/images')
  const cache = join(home, 'cache')
  const to = join(cache, 'tsmachine/images')
  mkdirSync(to, { recursive: true, mode: 0o700 })
  const pointer = 'current-image-amd64'
  const id = readFileSync(join(from, pointer), 'utf8').trim()
  for (const name of [pointer, id]) cpSync(join(from, name), join(to, name), { recursive: true })
  const dirs = [cache, join(cache, 'tsmachine'), to, join(to, id)]
  const files = [join(to, pointer), ...below(join(to, id))]
  for (const path of [...dirs, ...files]) chownSync(path, USER, USER)
  return cache
}
