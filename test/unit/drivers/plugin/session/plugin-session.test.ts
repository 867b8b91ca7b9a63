import t, { type Test } from 'tap'
import {
  PluginSession,
  type SessionOptions,
} from '../../../../../src/drivers/plugin/session/plugin-session.js'
import { processStart } from '../../../../../src/util/exec.js'
import { type Behaviour, connectLines, linePlugin } from '../../../../doubles/line-plugin/index.js'
import { HandClock } from '../../../../helpers/hand-clock.js'
import { poll } from '../../../../helpers/poll.js'

const STATE = '{"MachineName":"web","Id":9007199254740993}'

function bench(t: Test, behaviour?: Behaviour, more: Partial<SessionOptions> = {}) {
  const plugin = linePlugin(t, behaviour)
  const { program, env } = plugin
  const opened: PluginSession[] = []
  t.teardown(() => Promise.all(opened.map((session) => session.end())))
  const open = async (): Promise<PluginSession> => {
    const base = { driver: 'dbl', program, env, connect: connectLines, onLog: () => undefined }
    const session = await PluginSession.open({ ...base, machine: { name: 'web', state: STATE }, ...more })
    opened.push(session)
    return session
  }
  const left = () => plugin.pids().filter((pid) => processStart(pid) !== undefined)
  const called = (method: string) =>
    poll(20_000, () => Promise.resolve(plugin.calls().some((call) => call === method)), 10)
  return { ...plugin, open, left, called }
}

t.test('a session checks the version, gives the state, answers calls, and is gone when closed', async (t) => {
  const { open, calls, left } = bench(t)
  const session = await open()
  t.same(calls(), ['GetVersion', 'SetConfigRaw'])
  t.equal(await session.call('GetMachineName', undefined), 'web')
  t.equal(session.over, undefined)
  await session.end()
  t.same(left(), [])
  t.match(await session.ended, { message: /ended with status 0/ }, 'it was asked, not killed')
  t.match(session.over, { code: 'driver', message: 'The plugin of driver dbl of machine web was closed' })
  await t.rejects(session.call('GetState', undefined), { message: /was closed/ })
})

t.test('a session knows which state its plugin holds, to the last digit', async (t) => {
  const session = await bench(t).open()
  t.ok(session.holds('{ "MachineName": "\\u0077eb",\n "Id": 9007199254740993 }'))
  t.notOk(session.holds(STATE.replace('993', '992')))
  await session.call('Create', undefined)
  const state = await session.call('GetConfigRaw', undefined)
  t.match(JSON.parse(state), { made: true })
  t.ok(session.holds(state))
  t.notOk(session.holds(STATE))
})

t.test('without a state the plugin is given none', async (t) => {
  const { open, calls } = bench(t, {}, { machine: { name: 'flag-lookup' } })
  await open()
  t.same(calls(), ['GetVersion'])
})

t.test('another API version is refused, and the plugin is ended', async (t) => {
  const { open, left } = bench(t, { version: 2 })
  await t.rejects(open(), { code: 'driver', message: 'Driver binary uses an incompatible API version (2)' })
  t.same(left(), [])
})

t.test('a plugin that nobody can connect to is ended, and its stderr told', async (t) => {
  const { open, left } = bench(t, { address: '127.0.0.1:1', stderr: 'bind: permission denied' })
  await t.rejects(open(), { code: 'driver', message: /ECONNREFUSED/, evidence: 'bind: permission denied' })
  t.same(left(), [])
})

t.test('an error of the plugin is its own text, and the session goes on', async (t) => {
  const session = await bench(t, { errors: { GetURL: 'Host is not running' } }).open()
  await t.rejects(session.call('GetURL', undefined), { name: 'PluginError', message: 'Host is not running' })
  t.equal(await session.call('GetState', undefined), 1)
})

t.test('calls go one after the other', async (t) => {
  const { open, entries } = bench(t, { slowMs: { GetState: 200, GetIP: 100 } })
  const session = await open()
  const failing = t.rejects(session.call('GetURL', undefined, AbortSignal.abort(new Error('not wanted'))))
  await Promise.all([
    session.call('GetState', undefined),
    session.call('GetIP', undefined),
    session.call('GetSSHPort', undefined),
  ])
  await failing
  const order = entries().flatMap(({ call, done }) => (call ? [`>${call}`] : done ? [`<${done}`] : []))
  t.same(order.slice(4), ['>GetState', '<GetState', '>GetIP', '<GetIP', '>GetSSHPort', '<GetSSHPort'])
})

t.test(
  'a call that overruns its deadline ends the process, as nothing is known of it any more',
  async (t) => {
    const { open, left } = bench(
      t,
      { hang: ['GetState'], stderr: 'asking the cloud' },
      { deadlines: { read: 500 } },
    )
    const session = await open()
    const waiting = t.rejects(session.call('GetState', undefined), {
      code: 'timeout',
      message: /GetState/,
      evidence: /asking the cloud/,
    })
    await t.rejects(session.call('GetIP', undefined), { code: 'timeout' }, 'and those who wait behind it')
    await waiting
    await session.end()
    t.same(left(), [])
  },
)

t.test('each kind of call has its own deadline', async (t) => {
  const session = await bench(t, { slowMs: { Create: 800 } }, { deadlines: { read: 100 } }).open()
  await session.call('Create', undefined)
  t.equal(session.over, undefined)
})

t.test('a process that ends by itself fails the call with its status and stderr', async (t) => {
  const { open } = bench(t, { dieAt: { Create: 7 }, stderr: 'panic: nil map' })
  const session = await open()
  await t.rejects(session.call('Create', undefined), {
    code: 'driver',
    message: /plugin of driver dbl ended with status 7/,
    evidence: 'panic: nil map',
  })
  t.match(session.over, { message: /status 7/ })
})

t.test('a process that ends while nobody asks is known to be gone', async (t) => {
  const session = await bench(t).open()
  process.kill(session.pid ?? 0, 'SIGKILL')
  await poll(20_000, () => Promise.resolve(session.over), 10)
  t.match(session.over, { message: /SIGKILL/ })
})

t.test('a connection that the plugin closes ends the session, though the process lives', async (t) => {
  const { open, left } = bench(t, { dropAt: ['GetIP'] })
  const session = await open()
  await t.rejects(session.call('GetIP', undefined), { code: 'driver', message: /closed|lost/ })
  await session.end()
  t.same(left(), [])
})

t.test('heartbeats go every 5 s, also beside a long Create, and end with the session', async (t) => {
  const clock = new HandClock()
  const { open, calls, called } = bench(t, { slowMs: { Create: 1_500 } }, { clock })
  const beats = () => calls().filter((call) => call === 'Heartbeat').length
  const session = await open()
  const creating = session.call('Create', undefined)
  await called('Create')
  await clock.advance(4_999)
  t.equal(beats(), 0)
  for (const wanted of [1, 2, 3]) {
    await clock.advance(wanted === 1 ? 1 : 5_000)
    await poll(20_000, () => Promise.resolve(beats() === wanted), 10)
  }
  await creating
  await session.end()
  await clock.advance(60_000)
  t.equal(beats(), 3)
})

t.test('a heartbeat that is not answered in time ends the session with what is known', async (t) => {
  const clock = new HandClock()
  const { open, left } = bench(t, { hang: ['Heartbeat', 'Create'] }, { clock, deadlines: { beat: 300 } })
  const session = await open()
  const creating = t.rejects(session.call('Create', undefined), {
    code: 'driver',
    message: /no sign of life within 0.3 s/,
  })
  await clock.advance(5_000)
  await creating
  await session.end()
  t.same(left(), [])
})

t.test('a heartbeat that fails ends the session', async (t) => {
  const clock = new HandClock()
  const session = await bench(t, { errors: { Heartbeat: 'rpc: service is gone' } }, { clock }).open()
  await clock.advance(5_000)
  await session.ended
  t.match(session.over, {
    code: 'driver',
    message: /gave no sign of life/,
    cause: { message: 'rpc: service is gone' },
  })
})

t.test('a Create is let come to its end after an abort, and its result is not lost', async (t) => {
  const { open, called } = bench(t, { slowMs: { Create: 500 } }, { abortGraceMs: 20_000 })
  const session = await open()
  const stop = new AbortController()
  const creating = session.call('Create', undefined, stop.signal)
  await called('Create')
  stop.abort(new Error('Ctrl-C'))
  await creating
  t.match(JSON.parse(await session.call('GetConfigRaw', undefined)), { made: true })
  await t.rejects(session.call('GetState', undefined, stop.signal), /Ctrl-C/, 'the next step sees the abort')
})

t.test(
  'a Create that goes on too long after an abort is cut off, and nothing is left when the reason comes',
  async (t) => {
    const { open, called, left } = bench(t, { hang: ['Create'] }, { abortGraceMs: 300 })
    const session = await open()
    const stop = new AbortController()
    const creating = session.call('Create', undefined, stop.signal)
    await called('Create')
    const began = performance.now()
    stop.abort(new Error('Ctrl-C'))
    await t.rejects(creating, /Ctrl-C/)
    t.ok(performance.now() - began >= 290)
    t.same(left(), [])
  },
)

t.test('a change that is cut is asked for its state first, which may be all that is known', async (t) => {
  const { open, called, left } = bench(t, { hang: ['Create'] }, { abortGraceMs: 100 })
  const session = await open()
  const stop = new AbortController()
  const creating = session.call('Create', undefined, stop.signal)
  await called('Create')
  t.equal(session.lastState, undefined)
  stop.abort(new Error('Ctrl-C'))
  await t.rejects(creating, /Ctrl-C/)
  t.match(JSON.parse(session.lastState ?? ''), { MachineName: 'web' })
  t.same(left(), [])
})

t.test('also one that overruns its deadline', async (t) => {
  const session = await bench(t, { hang: ['Create'] }, { deadlines: { create: 300 } }).open()
  await t.rejects(session.call('Create', undefined), { code: 'timeout' })
  t.match(JSON.parse(session.lastState ?? ''), { MachineName: 'web' })
})

t.test('a read is not waited for after an abort', async (t) => {
  const { open, called } = bench(
    t,
    { hang: ['GetState'], ignores: ['Close'] },
    { deadlines: { close: 60_000 } },
  )
  const session = await open()
  const stop = new AbortController()
  const asking = session.call('GetState', undefined, stop.signal)
  await called('GetState')
  const began = performance.now()
  stop.abort(new Error('Ctrl-C'))
  await t.rejects(asking, /Ctrl-C/)
  t.ok(performance.now() - began < 1_000)
  process.kill(session.pid ?? 0, 'SIGKILL')
})

t.test('one that ignores Close and SIGTERM is killed', async (t) => {
  const { open, left, entries } = bench(
    t,
    { ignores: ['Close', 'SIGTERM'], hang: ['Close'] },
    { deadlines: { close: 200 } },
  )
  const session = await open()
  await session.end()
  t.same(left(), [])
  t.same(
    entries().flatMap(({ call, signal }) => (call === 'Close' ? [call] : signal ? [signal] : [])),
    ['Close', 'SIGTERM'],
  )
  t.match(await session.ended, { message: /SIGKILL/ })
})

t.test(
  'a call that waits for its turn leaves the queue when it is aborted, and the others go on',
  async (t) => {
    const { open, called, calls } = bench(t, { slowMs: { GetState: 400 } })
    const session = await open()
    const first = session.call('GetState', undefined)
    const stop = new AbortController()
    const second = session.call('GetIP', undefined, stop.signal)
    const third = session.call('GetSSHPort', undefined)
    await called('GetState')
    stop.abort(new Error('enough'))
    await t.rejects(second, /enough/)
    await Promise.all([first, third])
    t.same(calls().slice(2), ['GetState', 'GetSSHPort'])
    t.equal(session.over, undefined)
  },
)
