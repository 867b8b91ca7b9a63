import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { Store } from '../../../src/store/store.js'
import { acquireLock } from '../../../src/util/locks.js'
import { bootId, hostIdentity } from '../../../src/util/process.js'

const HEX12 = '0123456789ab'
const TOKEN = '0123456789abcdef01234567'
const ENDED = 4_194_303

function holder(more: object = {}): string {
  const common = { bootId: bootId(), startTime: '1', what: 'create web', since: '2026-01-01', token: TOKEN }
  return JSON.stringify({ ...hostIdentity(), ...common, pid: ENDED, ...more })
}

/** A store with these files, as old as is said. */
function storeWith(t: Test, files: Readonly<Record<string, string>>, ageMs = 0): Store {
  const root = t.testdir()
  const then = (Date.now() - ageMs) / 1000
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    utimesSync(path, then, then)
  }
  return new Store(root)
}

const HOURS_3 = 3 * 3_600_000

t.test('locks of processes that have ended go, and what they were made of', async (t) => {
  const names = [
    'locks/web.lock',
    'locks/.ca.lock',
    'accounts/a/hour.json.lock',
    `locks/web.lock.${TOKEN}.tmp`,
  ]
  const store = storeWith(t, Object.fromEntries(names.map((name) => [name, holder()])))
  const swept = await store.sweep()
  // What a lock was made of may go with the lock.
  for (const name of names.slice(0, 3)) t.ok(swept.includes(join(store.root, name)), name)
  for (const name of names) t.notOk(existsSync(join(store.root, name)), name)
})

t.test('locks that a living process or another computer holds stay, whatever their age', async (t) => {
  const elsewhere = holder({ host: 'laptop' })
  const files = {
    'locks/far.lock': elsewhere,
    [`locks/far.lock.${TOKEN}.tmp`]: elsewhere,
    'locks/strange.lock': 'not ours',
  }
  const store = storeWith(t, files, HOURS_3)
  const mine = await acquireLock(join(store.root, 'locks/here.lock'), { what: 'work' })
  t.strictSame(await store.sweep(), [])
  t.ok(existsSync(mine.path))
  await mine.release()
})

t.test('a file that never got its name goes when it is an hour old, a secret first of all', async (t) => {
  const names = [`secrets/.token.${HEX12}.tmp`, `certs/.ca-key.pem.${HEX12}.tmp`, `.id.${HEX12}.tmp`]
  const files = Object.fromEntries(names.map((name) => [name, 'half']))
  t.strictSame(await storeWith(t, files).sweep(), [], 'it may be being written')
  const store = storeWith(
    t,
    { ...files, 'secrets/token': 'whole', 'machines/web/notes.tmp': 'mine' },
    HOURS_3,
  )
  t.strictSame([...(await store.sweep())].sort(), names.map((name) => join(store.root, name)).sort())
  t.ok(existsSync(join(store.root, 'secrets/token')))
  t.ok(existsSync(join(store.root, 'machines/web/notes.tmp')))
})

t.test('half a machine directory goes, unless somebody is making it', async (t) => {
  const going = [`machines/.db.gone-${HEX12}`, `machines/.removed/.web-${'a'.repeat(32)}.gone-${HEX12}`]
  const files = Object.fromEntries(
    [`machines/.web.new-${HEX12}`, ...going].map((folder) => [`${folder}/id_rsa`, 'key']),
  )
  const store = storeWith(t, { ...files, 'machines/cache/config.json': '{}' })
  const making = await acquireLock(join(store.root, 'locks/web.writing'), { what: 'write the record of web' })
  await store.sweep()
  t.ok(existsSync(join(store.root, `machines/.web.new-${HEX12}`)))
  for (const folder of going) t.notOk(existsSync(join(store.root, folder)))
  await making.release()
  await store.sweep()
  t.notOk(existsSync(join(store.root, `machines/.web.new-${HEX12}`)))
  t.strictSame(store.names(), ['cache'])
})

t.test('where there is no store there is nothing to sweep', async (t) => {
  t.strictSame(await new Store(join(t.testdir(), 'none')).sweep(), [])
})
