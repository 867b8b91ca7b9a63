import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Store } from '../../src/store/store.js'
import { mapBounded } from '../../src/util/bounded.js'
import { bootId, hostIdentity } from '../../src/util/process.js'
import { run, type RunResult } from '../../src/util/exec.js'
import { compileInto } from '../helpers/compiled.js'
import { countedOps } from '../helpers/file-ops.js'
import { firstFiles, testMapping, withIp } from '../helpers/records.js'
import type { Task } from '../helpers/store-worker.js'
import { size } from '../sizes.js'

const ROOT = new URL('../..', import.meta.url).pathname
const scratch = mkdtempSync(join(tmpdir(), 'tsm-store-'))
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
chmodSync(scratch, 0o755)
symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'))
const worker = compileInto(scratch, ['test/helpers/store-worker.ts'])('test/helpers/store-worker.ts')

/** A clean environment: tap would load itself into each child. */
const CLEAN = ['-i', `PATH=${process.env['PATH'] ?? ''}`]

function runClean(words: readonly string[]): Promise<RunResult> {
  return run('env', [...CLEAN, ...words], { deadlineMs: 120_000 })
}

function work(task: Task): Promise<RunResult> {
  return runClean([process.execPath, worker, JSON.stringify(task)])
}

let stores = 0
function newRoot(): string {
  const root = join(scratch, `s${++stores}`)
  mkdirSync(root, { mode: 0o700 })
  return root
}

function hiddenIn(root: string): string[] {
  return readdirSync(join(root, 'machines')).filter((entry) => entry.startsWith('.'))
}

/** Runs `trial` for each file operation of an action, as many at once as there are cores. */
async function atEachOperation(
  prepare: (store: Store) => Promise<void>,
  act: (store: Store) => Promise<unknown>,
  trial: (store: Store, killAt: number) => Promise<void>,
): Promise<number> {
  const root = newRoot()
  const counted = countedOps(() => undefined)
  const store = new Store(root, { files: counted.ops })
  await prepare(store)
  const before = counted.count()
  await act(store)
  const operations = Array.from({ length: counted.count() - before }, (_, index) => index + 1)
  await mapBounded(operations, 3, async (killAt) => {
    const fresh = new Store(newRoot())
    await prepare(fresh)
    await trial(fresh, killAt)
  })
  return operations.length
}

const withWeb = (store: Store): Promise<void> =>
  store.create('web', firstFiles(store.root, 'web', '192.0.2.1'))

t.test(
  'an update killed before any of its file operations leaves one whole record and can be repeated',
  async (t) => {
    const act = (store: Store): Promise<unknown> => store.update('web', testMapping, withIp('192.0.2.2'))
    const operations = await atEachOperation(withWeb, act, async (store, killAt) => {
      const result = await work({ action: 'update', root: store.root, name: 'web', ip: '192.0.2.2', killAt })
      t.equal(result.code, 137, result.stderr)
      const record = store.get('web')
      const ip = record.ledger?.generation === 0 ? '192.0.2.1' : '192.0.2.2'
      t.match(
        record,
        { foreign: undefined, config: { Driver: { IPAddress: ip } }, ledger: { driver: { config: { ip } } } },
        `killed at ${killAt}: both files tell the same`,
      )
      await store.update('web', testMapping, withIp('192.0.2.3'))
      t.strictSame(
        readdirSync(store.dir('web')).sort(),
        ['config.json', 'tsmachine.json'],
        'nothing is left over',
      )
      t.strictSame(
        JSON.parse(await readFile(join(store.dir('web'), 'config.json'), 'utf8')),
        store.get('web').config,
        'config.json itself is the projection again',
      )
      t.match(store.get('web').config.Driver, { IPAddress: '192.0.2.3' })
    })
    t.ok(operations >= 17, `${operations} places`)
  },
)

t.test('a change by docker-machine after such a crash is not taken for the crash', async (t) => {
  const renames: number[] = []
  const counted = countedOps((count, operation) => void (operation === 'rename' && renames.push(count)))
  const rehearsal = new Store(newRoot(), { files: counted.ops })
  await withWeb(rehearsal)
  const ofCreate = counted.count()
  await rehearsal.update('web', testMapping, withIp('192.0.2.2'))
  const store = new Store(newRoot())
  await withWeb(store)
  // The last rename puts config.json in its place; the ledger is written already.
  const killAt = (renames.at(-1) ?? 0) - ofCreate
  await work({ action: 'update', root: store.root, name: 'web', ip: '192.0.2.2', killAt })
  const path = join(store.dir('web'), 'config.json')
  t.match(store.get('web'), { config: { Driver: { IPAddress: '192.0.2.2' } }, foreign: undefined })
  writeFileSync(path, (await readFile(path, 'utf8')).replace('192.0.2.1', '198.51.100.7'))
  t.match(store.get('web'), { config: { Driver: { IPAddress: '198.51.100.7' } }, foreign: true })
  const record = await store.update('web', testMapping, (ledger) => ledger)
  t.match(record.ledger.driver.config, { ip: '198.51.100.7', ours: 'only' })
  t.equal(store.get('web').foreign, undefined)
  t.strictSame(readdirSync(store.dir('web')).sort(), ['config.json', 'tsmachine.json'])
})

t.test('a create killed before any of its file operations leaves a whole machine or none', async (t) => {
  const outcomes = new Set<string>()
  const nothing = (): Promise<void> => Promise.resolve()
  await atEachOperation(nothing, withWeb, async (store, killAt) => {
    const result = await work({ action: 'create', root: store.root, name: 'web', ip: '192.0.2.1', killAt })
    t.equal(result.code, 137, result.stderr)
    const made = store.exists('web')
    outcomes.add(made ? 'whole' : 'none')
    if (made)
      t.match(store.read('web'), { ledger: { phase: 'creating' }, config: { Name: 'web' } }, `at ${killAt}`)
    else await withWeb(store)
    t.strictSame(hiddenIn(store.root), [], `killed at ${killAt}: nothing is left over`)
  })
  t.strictSame([...outcomes].sort(), ['none', 'whole'])
})

for (const action of ['remove', 'tombstone'] as const)
  t.test(`a ${action} killed before any of its file operations leaves a whole machine or none`, async (t) => {
    const act = (store: Store): Promise<void> => store[action]('web')
    const operations = await atEachOperation(withWeb, act, async (store, killAt) => {
      t.equal((await work({ action, root: store.root, name: 'web', killAt })).code, 137)
      if (store.exists('web')) t.match(store.read('web'), { config: { Name: 'web' } }, `killed at ${killAt}`)
      await act(store)
      t.strictSame(store.names(), [])
      t.strictSame(hiddenIn(store.root), action === 'remove' ? [] : ['.removed'])
      t.equal(store.tombstones().length, action === 'remove' ? 0 : 1)
    })
    t.ok(operations >= 5, `${operations} places`)
  })

t.test('of many processes that create one name at once one wins and each other is told so', async (t) => {
  const root = newRoot()
  const tasks = Array.from({ length: 8 }, (_, index) =>
    work({ action: 'create', root, name: 'web', ip: `192.0.2.${index}` }),
  )
  const results = await Promise.all(tasks)
  t.equal(results.filter((result) => result.code === 0).length, 1)
  for (const result of results.filter((result) => result.code !== 0))
    t.match(JSON.parse(result.stdout), { code: 'exists', message: 'Docker machine "web" already exists' })
  t.match(new Store(root).get('web'), { config: { Name: 'web' } })
})

t.test(
  'readers never see a torn, missing or foreign record while others write, and nothing is lost',
  async (t) => {
    const root = newRoot()
    const store = new Store(root)
    await store.create('web', firstFiles(root, 'web', '10.0.0.0'))
    const reader = work({ action: 'readOften', root, name: 'web' })
    const task: Task = { action: 'updateOften', root, name: 'web', times: 60 }
    const writers = await Promise.all([work(task), work(task), work(task)])
    writeFileSync(join(root, 'stop'), '')
    const seen = JSON.parse((await reader).stdout.split('\n')[0] ?? '{}') as Record<string, number>
    t.strictSame(
      writers.map((writer) => writer.code),
      [0, 0, 0],
      writers.map((writer) => writer.stdout + writer.stderr).join(),
    )
    t.match(seen, { broken: 0, foreign: 0, torn: 0, backwards: 0 })
    t.ok((seen['generations'] ?? 0) > 10, `${seen['reads']} reads saw ${seen['generations']} generations`)
    t.equal(store.get('web').ledger?.generation, 180)
  },
)

t.test('of many processes that find one stale lock at once only one is in at a time', async (t) => {
  for (let round = 0; round < size('staleLockRounds'); round++) {
    const root = newRoot()
    writeFileSync(join(root, 'count'), '0')
    const gone = {
      pid: 2 ** 22 + 7,
      startTime: '1',
      what: 'gone',
      since: '',
      token: `t${round}`,
      bootId: bootId(),
    }
    const stale = JSON.stringify({ ...hostIdentity(), ...gone })
    writeFileSync(join(root, 'count.lock'), stale)
    if (round % 3 === 2) writeFileSync(join(root, 'count.lock.break'), stale)
    const task: Task = { action: 'countUnderLock', root, name: '', times: 10 }
    const results = await Promise.all(Array.from({ length: 10 }, () => work(task)))
    t.strictSame([...new Set(results.map((result) => result.code))], [0])
    t.equal(await readFile(join(root, 'count'), 'utf8'), '100')
    t.strictSame(readdirSync(root), ['count'], 'no lock, guard or temporary file stays')
  }
})

t.test(
  'locks of processes that are killed while others count are broken and none gets in beside another',
  async (t) => {
    const root = newRoot()
    writeFileSync(join(root, 'count'), '0')
    const counters = Array.from({ length: 4 }, () =>
      work({ action: 'countUnderLock', root, name: '', times: 25 }),
    )
    const victims = Array.from({ length: 6 }, () => work({ action: 'lockAndDie', root, name: '' }))
    for (const victim of await Promise.all(victims)) t.equal(victim.code, 137)
    for (const counter of await Promise.all(counters)) t.equal(counter.code, 0, counter.stdout)
    t.equal(await readFile(join(root, 'count'), 'utf8'), '100')
  },
)

t.test('a full disk keeps the old record, leaves no temporary file and is named', async (t) => {
  const root = join(newRoot(), 'mount')
  mkdirSync(root)
  // A mount namespace of its own: nothing of this computer changes.
  const script = [
    'mount -t tmpfs -o size=64k tmpfs "$1"',
    '"$2" "$3" "{\\"action\\":\\"create\\",\\"root\\":\\"$1\\",\\"name\\":\\"web\\"}"',
    'cat /dev/zero > "$1/ballast" 2>/dev/null',
    'before=$(cat "$1"/machines/web/*.json | sha256sum)',
    '"$2" "$3" "{\\"action\\":\\"update\\",\\"root\\":\\"$1\\",\\"name\\":\\"web\\",\\"ip\\":\\"192.0.2.2\\"}"',
    '[ "$before" = "$(cat "$1"/machines/web/*.json | sha256sum)" ] && echo same',
    'ls -A "$1/machines/web"',
    'rm "$1/ballast"',
    '"$2" "$3" "{\\"action\\":\\"update\\",\\"root\\":\\"$1\\",\\"name\\":\\"web\\",\\"ip\\":\\"192.0.2.2\\"}"',
    'mount -o remount,ro "$1"',
    '"$2" "$3" "{\\"action\\":\\"update\\",\\"root\\":\\"$1\\",\\"name\\":\\"web\\",\\"ip\\":\\"192.0.2.3\\"}"',
    'true',
  ].join('\n')
  const words = ['unshare', '-rm', 'sh', '-c', script, 'sh', root, process.execPath, worker]
  const { stdout, stderr, code } = await runClean(words)
  t.equal(code, 0, stderr)
  const lines = stdout.trim().split('\n')
  t.strictSame(lines[0], '{"done":"create"}', stderr)
  t.match(JSON.parse(lines[1] ?? ''), { code: 'store', message: /the disk is full/, hints: [/df -h/] })
  t.strictSame(lines.slice(2, 6), ['same', 'config.json', 'tsmachine.json', '{"done":"update"}'])
  t.match(JSON.parse(lines[6] ?? ''), { code: 'store', message: /the file system is read-only/ })
})

t.test('a file-size limit is named and keeps the old record', async (t) => {
  const root = newRoot()
  const store = new Store(root)
  await store.create('web', firstFiles(root, 'web'))
  const task: Task = { action: 'update', root, name: 'web', ip: '192.0.2.2' }
  const script = 'ulimit -f 1; exec "$@"'
  const { stdout, stderr } = await runClean([
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    worker,
    JSON.stringify(task),
  ])
  t.match(
    JSON.parse(stdout || '{}'),
    { code: 'store', message: /limit of this process/, hints: [/ulimit -f/] },
    stderr,
  )
  t.match(store.get('web'), { ledger: { generation: 0 }, foreign: undefined })
  t.strictSame(readdirSync(store.dir('web')).sort(), ['config.json', 'tsmachine.json'])
})

t.test(
  'a store that the user may not write is named, and reading it still works where allowed',
  async (t) => {
    const root = newRoot()
    await new Store(root).create('web', firstFiles(root, 'web'))
    for (const dir of [root, join(root, 'locks'), join(root, 'machines'), join(root, 'machines', 'web')])
      chmodSync(dir, 0o555)
    const task: Task = { action: 'update', root, name: 'web', ip: '192.0.2.2' }
    // Root may write everywhere but for this; another user might not reach this checkout and Node below root's home.
    const asOwner =
      process.getuid?.() === 0 ? ['setpriv', '--inh-caps=-dac_override', '--bounding-set=-dac_override'] : []
    const { stdout, stderr } = await runClean([...asOwner, process.execPath, worker, JSON.stringify(task)])
    t.match(
      JSON.parse(stdout || '{}'),
      { code: 'store', message: /permission denied/, hints: [/ls -ld/] },
      stderr,
    )
    t.ok(existsSync(join(root, 'machines', 'web', 'config.json')))
    t.match(new Store(root).get('web'), { ledger: { generation: 0 } })
  },
)
