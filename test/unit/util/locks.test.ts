import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MachineError } from '../../../src/contracts/errors.js'
import {
  acquireLock,
  describeHolder,
  holderState,
  type LockHolder,
  readHolder,
  withLock,
} from '../../../src/util/locks.js'
import { bootId, hostIdentity, processStart } from '../../../src/util/process.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { watchingFiles } from '../../helpers/faulty-fs.js'
import type { Change } from '../../helpers/file-changes.js'

/** No Linux gives out pids beyond 2^22. */
const NO_PID = 2 ** 22 + 7

function holder(change: Partial<LockHolder> = {}): LockHolder {
  const startTime = processStart(process.ppid) ?? ''
  const since = '2026-01-01T00:00:00.000Z'
  return {
    ...hostIdentity(),
    bootId: bootId(),
    pid: process.ppid,
    startTime,
    what: 'create web',
    since,
    token: 'a1',
    ...change,
  }
}

function heldBy(t: Test, content: string): string {
  const dir = t.testdir()
  const path = join(dir, 'web.lock')
  writeFileSync(path, content)
  return path
}

t.test('a lock names its holder while it is held, is private, and leaves nothing behind', async (t) => {
  const path = join(t.testdir(), 'locks', 'web.lock')
  const lock = await acquireLock(path, { what: 'create web' })
  t.match(readHolder(path), {
    pid: process.pid,
    host: hostIdentity().host,
    bootId: bootId(),
    what: 'create web',
  })
  t.equal(holderState(lock.holder), 'alive')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  await lock.release()
  await lock.release()
  t.strictSame(readdirSync(join(path, '..')), [])
})

t.test('withLock gives the result and releases, also when the work fails', async (t) => {
  const path = join(t.testdir(), 'web.lock')
  t.equal(await withLock(path, { what: 'x' }, async () => (existsSync(path) ? 'held' : 'free')), 'held')
  await t.rejects(
    withLock(path, { what: 'x' }, () => Promise.reject(new Error('work failed'))),
    { message: 'work failed' },
  )
  t.notOk(existsSync(path))
})

t.test('a second one waits 30 s, then says who holds it and what to do', async (t) => {
  const path = join(t.testdir(), 'web.lock')
  const clock = new FakeClock()
  await withLock(path, { what: 'create web' }, async () => {
    await t.rejects(acquireLock(path, { what: 'rm web', machine: 'web', clock }), {
      code: 'locked',
      exitCode: 1,
      message: new RegExp(`^Machine "web" is locked by create web \\(process ${process.pid} on `),
      hints: [`Wait until it is done, or end it: kill ${process.pid}`],
      machine: 'web',
    })
  })
  t.ok(clock.monotonicMs() > 29_000 && clock.monotonicMs() <= 30_000, `waited ${clock.monotonicMs()} ms`)
})

t.test('a waiting one gets the lock when it is released', async (t) => {
  const path = join(t.testdir(), 'web.lock')
  const first = await acquireLock(path, { what: 'first' })
  const second = acquireLock(path, { what: 'second' })
  setTimeout(() => void first.release(), 60)
  const lock = await second
  t.equal(readHolder(path)?.what, 'second')
  await first.release()
  t.equal(readHolder(path)?.what, 'second', "releasing again does not end another's lock")
  await lock.release()
})

t.test('an abort ends the wait with its reason', async (t) => {
  const path = join(t.testdir(), 'web.lock')
  const lock = await acquireLock(path, { what: 'first' })
  const reason = new MachineError('cancelled', 'Ctrl-C')
  const controller = new AbortController()
  const waiting = acquireLock(path, { what: 'second', signal: controller.signal })
  controller.abort(reason)
  await t.rejects(waiting, reason)
  await lock.release()
})

const GONE: Record<string, Partial<LockHolder>> = {
  'its process does not exist': { pid: NO_PID },
  'its pid belongs to a process that started at another time': { startTime: '1' },
  'this computer was started again since': { bootId: 'an earlier boot' },
  'this computer was started again and the pid space is another': {
    bootId: 'an earlier boot',
    pidSpace: 'pid:[1]',
  },
}
for (const [why, change] of Object.entries(GONE))
  t.test(`a lock is broken when ${why}`, async (t) => {
    const path = heldBy(t, JSON.stringify(holder(change)))
    const lock = await acquireLock(path, { what: 'rm web', waitMs: 0 })
    t.equal(readHolder(path)?.token, lock.holder.token)
    await lock.release()
    t.strictSame(readdirSync(join(path, '..')), [], 'no guard or temporary file stays')
  })

const KEPT: Record<string, { change: Partial<LockHolder>; hint: RegExp }> = {
  'its process runs': { change: {}, hint: /^Wait until it is done/ },
  'another computer holds it': {
    change: { host: 'other', pid: NO_PID },
    hint: /no longer runs on other: rm '/,
  },
  'a computer of the same name holds it': { change: { hostId: 'f00', pid: NO_PID }, hint: /: rm '/ },
  'another computer of an earlier boot holds it': { change: { host: 'other', bootId: 'x' }, hint: /: rm '/ },
  'another container holds it': { change: { pidSpace: 'pid:[1]', pid: NO_PID }, hint: /: rm '/ },
}
for (const [why, { change, hint }] of Object.entries(KEPT))
  t.test(`a lock is reported and never broken when ${why}`, async (t) => {
    const content = JSON.stringify(holder(change))
    const path = heldBy(t, content)
    await t.rejects(acquireLock(path, { what: 'rm web', machine: 'web', waitMs: 0 }), {
      code: 'locked',
      message: /locked by create web \(process \d+ on /,
      hints: [hint],
    })
    t.equal(readFileSync(path, 'utf8'), content)
  })

t.test('a lock file that is none of ours is reported and never broken', async (t) => {
  for (const content of ['', 'not JSON', '[]', '{"pid":"1"}']) {
    const path = heldBy(t, content)
    t.equal(readHolder(path), undefined)
    await t.rejects(acquireLock(path, { what: 'rm web', waitMs: 0 }), {
      code: 'locked',
      message: /unreadable lock file/,
      hints: [/rm '/],
    })
    t.equal(readFileSync(path, 'utf8'), content)
  }
})

t.test('a crash while a stale lock was being broken does not lock everybody out', async (t) => {
  const stale = JSON.stringify(holder({ pid: NO_PID }))
  const path = heldBy(t, stale)
  writeFileSync(`${path}.break`, stale)
  writeFileSync(`${path}.break.break`, stale)
  const lock = await acquireLock(path, { what: 'rm web', waitMs: 0 })
  await lock.release()
  t.strictSame(readdirSync(join(path, '..')), [])
})

t.test('while another breaks a stale lock, one waits for it', async (t) => {
  const path = heldBy(t, JSON.stringify(holder({ pid: NO_PID })))
  writeFileSync(`${path}.break`, JSON.stringify(holder()))
  await t.rejects(acquireLock(path, { what: 'rm web', waitMs: 0 }), { code: 'locked' })
})

t.test('where no lock can be made the error says why', async (t) => {
  const dir = t.testdir({ file: '' })
  await t.rejects(acquireLock(join(dir, 'file', 'web.lock'), { what: 'x' }), {
    code: 'store',
    message: /not a directory/,
  })
  mkdirSync(join(dir, 'web.lock'))
  await t.rejects(acquireLock(join(dir, 'web.lock'), { what: 'x', waitMs: 0 }), { code: 'locked' })
})

t.test('the holder in words has everything to find it', (t) => {
  t.equal(
    describeHolder(holder({ pid: 71, host: 'laptop' })),
    'create web (process 71 on laptop, since 2026-01-01T00:00:00.000Z)',
  )
  t.end()
})

t.test('of work that fails under a lock which cannot be removed, the work is told', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'web.lock')
  const before = (change: Change): void => {
    if (change.name === 'remove' && change.path === path)
      throw Object.assign(new Error('read-only'), { code: 'EROFS' })
  }
  await watchingFiles([dir], { before }, async () => {
    const failing = withLock(path, { what: 'x' }, () => Promise.reject(new Error('work failed')))
    await t.rejects(failing, { message: 'work failed' })
    const released = await acquireLock(path, { what: 'y' }).then((lock) => lock.release().catch(String))
    t.match(released, /Cannot remove /)
  })
})
