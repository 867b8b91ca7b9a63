import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  PluginPool,
  type PooledMachine,
  type PoolOptions,
} from '../../../../../src/drivers/plugin/session/plugin-pool.js'
import { processStart } from '../../../../../src/util/exec.js'
import { type Behaviour, connectLines, linePlugin } from '../../../../doubles/line-plugin/index.js'
import { poll } from '../../../../helpers/poll.js'

function bench(t: Test, behaviour?: Behaviour, limits: PoolOptions['limits'] = {}) {
  const plugin = linePlugin(t, behaviour)
  const pool = new PluginPool({ env: plugin.env, connect: connectLines, limits })
  t.teardown(() => pool.closeAll())
  const machine = (name: string, state = JSON.stringify({ MachineName: name })): PooledMachine => ({
    driver: 'dbl',
    program: plugin.program,
    machine: { name, state },
    onLog: () => undefined,
  })
  const ask = (name: string, size: 'short' | 'long' = 'short') =>
    pool.withSession(machine(name), (session) => session.call('GetMachineName', undefined), { size })
  const left = () => plugin.pids().filter((pid) => processStart(pid) !== undefined)
  const most = () => Math.max(...plugin.entries().map(({ alive = 0 }) => alive))
  const starts = () => plugin.entries().filter(({ started }) => started !== undefined).length
  return { ...plugin, pool, machine, ask, left, most, starts }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`)

t.test(
  'of many machines at most four processes are alive at once, and each answers for its own machine',
  async (t) => {
    const { ask, most, starts, pool, left } = bench(t)
    t.same(await Promise.all(names(24).map((name) => ask(name))), names(24))
    t.equal(most(), 4)
    t.equal(starts(), 24, 'no process is given to another machine')
    t.equal(left().length, 4, 'the last ones are kept for later calls')
    await pool.closeAll()
    t.same(left(), [])
  },
)

t.test("a machine's process is kept for its next call, and two calls at once share it", async (t) => {
  const { ask, starts } = bench(t)
  await Promise.all([ask('a'), ask('a'), ask('b')])
  await ask('a')
  t.equal(starts(), 2)
})

t.test('the machine that was not used for longest gives its place', async (t) => {
  const { ask, left, pool, machine, starts } = bench(t, {}, { short: 2 })
  await ask('a')
  const [first] = left()
  await ask('b')
  await ask('a')
  await ask('c')
  t.ok(left().includes(first ?? 0), 'a was used after b')
  t.equal(left().length, 2)
  await pool.withSession(machine('a'), () => Promise.resolve())
  t.equal(starts(), 3)
})

t.test('a machine whose state was changed by others gets a new process', async (t) => {
  const { pool, machine, starts, left } = bench(t)
  const ask = (state: string) =>
    pool.withSession(machine('a', state), (session) => session.call('GetConfigRaw', undefined))
  await ask('{"Id":1}')
  await ask('{ "Id": 1 }')
  t.equal(starts(), 1, 'the same state, written in another way')
  t.equal(await ask('{"Id":2}'), '{"Id":2}')
  t.equal(starts(), 2)
  await poll(20_000, () => Promise.resolve(left().length === 1), 20)
})

t.test('after a Create the process goes on with the state that it told', async (t) => {
  const { pool, machine, starts } = bench(t)
  const state = await pool.withSession(
    machine('a'),
    async (session) => {
      await session.call('Create', undefined)
      return await session.call('GetConfigRaw', undefined)
    },
    { size: 'long' },
  )
  t.equal(
    await pool.withSession(machine('a', state), (session) => session.call('GetConfigRaw', undefined)),
    state,
  )
  t.equal(starts(), 1)
})

t.test('reads do not wait for creates, which have places of their own', async (t) => {
  const { pool, machine, ask, starts } = bench(t, { slowMs: { Create: 5_000 } }, { short: 1, long: 1 })
  const create = (name: string, signal: AbortSignal) =>
    pool.withSession(machine(name), (session) => session.call('Create', undefined), { size: 'long', signal })
  await ask('a')
  const enough = new AbortController()
  let created = 0
  const first = create('a', enough.signal).then(() => created++)
  const second = t.rejects(create('b', enough.signal), /enough/)
  t.same([await ask('x'), await ask('y'), created], ['x', 'y', 0])
  enough.abort(new Error('enough'))
  await Promise.all([first, second])
  t.equal(starts(), 3, 'a was created with the process that had answered before')
})

t.test('a read does not wait for a create that itself waits for a place', async (t) => {
  const { pool, machine, ask } = bench(t, { slowMs: { Create: 5_000 } }, { short: 1, long: 1 })
  const create = (name: string) =>
    pool.withSession(machine(name), (session) => session.call('Create', undefined), { size: 'long' })
  await ask('b')
  let created = 0
  const creates = Promise.allSettled(['a', 'b'].map((name) => create(name).then(() => created++)))
  t.same([await ask('x'), await ask('y'), created], ['x', 'y', 0])
  await pool.closeAll()
  t.match(await creates, [{ status: 'rejected' }, { status: 'rejected' }])
})

t.test('as many processes work at once as there are places for long work', async (t) => {
  const { ask, most } = bench(t, { slowMs: { GetMachineName: 200 } }, { long: 2 })
  t.same(await Promise.all(names(6).map((name) => ask(name, 'long'))), names(6))
  t.equal(most(), 2)
})

t.test('a process that ended while it was idle is replaced', async (t) => {
  const { ask, left, starts } = bench(t, {}, { short: 1 })
  await ask('a')
  process.kill(left()[0] ?? 0, 'SIGKILL')
  await poll(20_000, () => Promise.resolve(left().length === 0), 20)
  await pause(50)
  t.equal(await ask('a'), 'a')
  t.equal(starts(), 2)
})

t.test('a plugin that cannot be opened gives its place back', async (t) => {
  const { ask, left } = bench(t, { version: 9 }, { short: 1 })
  for (const name of names(3)) await t.rejects(ask(name), { message: /incompatible API version \(9\)/ })
  t.same(left(), [])
})

t.test('who waits for a place leaves when it is aborted, and takes none', async (t) => {
  const { pool, machine, ask } = bench(t, { slowMs: { GetMachineName: 300 } }, { short: 1 })
  const first = ask('a')
  const stop = new AbortController()
  const second = pool.withSession(machine('b'), () => Promise.resolve(), { signal: stop.signal })
  const third = ask('c')
  stop.abort(new Error('Ctrl-C'))
  await t.rejects(second, /Ctrl-C/)
  t.same(await Promise.all([first, third]), ['a', 'c'])
})

t.test('closing the pool ends processes in use and refuses those who wait', async (t) => {
  const { pool, ask, calls, left } = bench(t, { hang: ['GetMachineName'] }, { short: 1 })
  const used = t.rejects(ask('a'), { code: 'driver', message: /was closed/ })
  await poll(20_000, () => Promise.resolve(calls().includes('GetMachineName')), 10)
  const waiting = t.rejects(ask('b'), { code: 'cancelled' })
  await pool.closeAll()
  await Promise.all([used, waiting])
  t.same(left(), [])
  await t.rejects(ask('c'), { code: 'cancelled' })
})

t.test('lines go to who uses the process now', async (t) => {
  const { pool, machine } = bench(t, { longLine: 5 })
  const seen: string[] = []
  const to = (name: string) => ({
    ...machine('a'),
    onLog: (_: string, line: string) => void seen.push(`${name}: ${line}`),
  })
  await pool.withSession(to('first'), () => poll(20_000, () => Promise.resolve(seen.length === 2), 10))
  t.same(seen, ['first: xxxxx', 'first: after the long line'])
  await pool.withSession(to('second'), (session) => {
    session.onLog('info', 'more')
    return Promise.resolve()
  })
  t.equal(seen[2], 'second: more')
})
