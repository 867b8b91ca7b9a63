/** Many processes on one store at once, from the first start on. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Store } from '../../src/store/store.js'
import { mapBounded } from '../../src/util/bounded.js'
import { run, type RunResult } from '../../src/util/exec.js'
import { withLock } from '../../src/util/locks.js'
import { bootId, hostIdentity, processStart } from '../../src/util/process.js'
import { compileInto } from '../helpers/compiled.js'
import type { CrowdTask, Sightings } from '../helpers/crowd-worker.js'
import { firstFiles } from '../helpers/records.js'
import { noRest } from '../helpers/write-paths/rest.js'
import { size } from '../sizes.js'

t.setTimeout(900_000)

const ROOT = new URL('../..', import.meta.url).pathname
const scratch = mkdtempSync(join(tmpdir(), 'tsm-crowd-'))
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'))
const worker = compileInto(scratch, ['test/helpers/crowd-worker.ts'])('test/helpers/crowd-worker.ts')

/** A clean environment: tap would load itself into each child. */
const CLEAN = ['-i', `PATH=${process.env['PATH'] ?? ''}`]

function work(task: CrowdTask): Promise<RunResult> {
  return run('env', [...CLEAN, process.execPath, worker, JSON.stringify(task)], { deadlineMs: 800_000 })
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

/** What the system's own openssl says of a machine's certificates under the one CA. */
async function verified(store: Store, name: string): Promise<string> {
  const ca = join(store.certsDir, 'ca.pem')
  const files = ['server.pem', 'cert.pem'].map((file) => join(store.dir(name), file))
  const result = await run('openssl', ['verify', '-CAfile', ca, ...files], { deadlineMs: 60_000 })
  return result.stdout.trim()
}

async function sightings(t: Test, readers: readonly Promise<RunResult>[]): Promise<void> {
  for (const reader of await Promise.all(readers)) {
    const seen = JSON.parse(reader.stdout || '{}') as Sightings
    t.strictSame([reader.code, seen.faults], [0, []], reader.stderr)
    t.ok(seen.rounds > 0)
  }
}

t.test('a crowd makes, reads and removes machines on one store from its first start on', async (t) => {
  const root = join(scratch, 'store')
  const store = new Store(root)
  const [kept, gone] = [names('web', size('storeCreates')), names('old', size('storeRemovals'))]
  for (const name of gone) await store.create(name, firstFiles(root, name))
  // The first start is still to come: there are no id and no certificates.
  t.equal(existsSync(store.certsDir), false)
  const readers = names('reader', size('storeReaders')).map((name) => work({ action: 'read', root, name }))
  const writers = [
    ...kept.map((name) => work({ action: 'create', root, name })),
    ...gone.map((name) => work({ action: 'remove', root, name })),
  ]
  for (const writer of await Promise.all(writers)) t.equal(writer.code, 0, writer.stdout + writer.stderr)
  writeFileSync(join(root, 'stop'), '')
  await sightings(t, readers)
  t.strictSame(store.names(), [...kept].sort())
  await mapBounded(kept, 2, async (name) => {
    const paths = ['server.pem', 'cert.pem'].map((file) => `${join(store.dir(name), file)}: OK`)
    t.equal(await verified(store, name), paths.join('\n'))
    t.match(store.get(name).config.Driver, { IPAddress: '10.0.0.3' })
  })
  const cas = new Set(kept.map((name) => readFileSync(join(store.dir(name), 'ca.pem'), 'utf8')))
  t.equal(cas.size, 1, 'one CA')
  t.strictSame(noRest(root), [], 'no lock, no temporary file')
  t.strictSame(readdirSync(join(root, 'machines')).sort(), [...kept].sort())
  t.match(store.knownId(), /^[0-9a-f]{32}$/)
})

t.test('a machine that is made and removed by many at once is whole or gone for every reader', async (t) => {
  const root = join(scratch, 'one')
  mkdirSync(root, { mode: 0o700 })
  const readers = names('reader', 2).map((name) => work({ action: 'read', root, name }))
  for (let round = 0; round < 3; round++) {
    const all = [1, 2, 3].flatMap(() =>
      (['create', 'remove'] as const).map((action) => work({ action, root, name: 'web' })),
    )
    for (const { code, stdout, stderr } of await Promise.all(all))
      if (code !== 0) t.match(JSON.parse(stdout || '{}'), { code: 'exists' }, stderr)
  }
  writeFileSync(join(root, 'stop'), '')
  await sightings(t, readers)
  t.strictSame(noRest(root), [])
})

t.test('a lock is broken when its process is provably gone, and else never', async (t) => {
  const dir = join(scratch, 'locks')
  mkdirSync(dir)
  const here = { ...hostIdentity(), bootId: bootId(), since: '', what: 'test', token: 'ab' }
  const parent = { pid: process.ppid, startTime: processStart(process.ppid) ?? '' }
  const holders: readonly (readonly [why: string, breaks: boolean, holder: object])[] = [
    ['its pid is that of another process now', true, { ...here, pid: process.ppid, startTime: '1' }],
    ['it is of another boot', true, { ...here, ...parent, bootId: 'another' }],
    ['nobody has its pid', true, { ...here, pid: 2 ** 22 + 7, startTime: '1' }],
    [
      'this process has let go of it',
      true,
      { ...here, pid: process.pid, startTime: processStart(process.pid) },
    ],
    ['its process lives', false, { ...here, ...parent }],
    ['it is of another computer', false, { ...here, pid: 1, startTime: '1', hostId: 'other', bootId: 'x' }],
    ['it is of another container', false, { ...here, pid: 2 ** 22 + 7, startTime: '1', pidSpace: 'pid:[1]' }],
  ]
  for (const [index, [why, breaks, holder]] of holders.entries()) {
    const path = join(dir, `${index}.lock`)
    writeFileSync(path, JSON.stringify(holder))
    // What a process leaves that was killed while it took the lock.
    writeFileSync(`${path}.ab.tmp`, JSON.stringify(holder))
    const taken = withLock(path, { what: 'test', waitMs: 0 }, () => Promise.resolve('taken'))
    if (breaks) t.equal(await taken, 'taken', why)
    else await t.rejects(taken, { code: 'locked' }, why)
    const left = readdirSync(dir).filter((name) => name.startsWith(`${index}.`))
    t.strictSame(left, breaks ? [] : [`${index}.lock`, `${index}.lock.ab.tmp`], why)
  }
})
