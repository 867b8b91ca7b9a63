import t from 'tap'
import { MachineError } from '../../../src/contracts/errors.js'
import { timeoutSignal } from '../../../src/util/abort.js'
import { systemClock } from '../../../src/util/clock.js'
import { after, pending, retry, SharedDeadline, waitFor, withDeadline } from '../../../src/util/wait.js'
import { FakeClock } from '../../helpers/fake-clock.js'

t.test('waitFor returns the first value that comes', async (t) => {
  const clock = new FakeClock()
  let probes = 0
  const value = await waitFor('a value', async () => (++probes < 4 ? undefined : 'here'), {
    deadlineMs: 10_000,
    clock,
  })
  t.equal(value, 'here')
  t.equal(probes, 4)
})

t.test('waitFor takes falsy values for values', async (t) => {
  for (const falsy of [0, '', false, null])
    t.equal(await waitFor('a value', async () => falsy, { deadlineMs: 1_000, clock: new FakeClock() }), falsy)
})

t.test('pauses between probes grow by half up to the longest', async (t) => {
  const clock = new FakeClock()
  let probes = 0
  await waitFor('a value', async () => (++probes < 7 ? undefined : 1), {
    deadlineMs: 60_000,
    intervalMs: 100,
    maxIntervalMs: 400,
    clock,
  })
  t.strictSame(clock.sleeps, [100, 150, 225, 337.5, 400, 400])
})

t.test('a timeout says what was waited for, how long, and what was last seen', async (t) => {
  const clock = new FakeClock()
  const answers = ['connection refused', 'no banner yet']
  await t.rejects(
    waitFor('SSH on 192.0.2.1:22', async () => pending(answers.shift() ?? 'banner of another program'), {
      deadlineMs: 5_000,
      clock,
      hints: ['tsmachine logs web --boot'],
      evidence: () => 'console tail',
    }),
    {
      code: 'timeout',
      message:
        /^Gave up waiting for SSH on 192\.0\.2\.1:22 after \d\.\d s; last seen: banner of another program$/,
      hints: ['tsmachine logs web --boot'],
      evidence: 'console tail',
    },
  )
  t.ok(clock.monotonicMs() <= 5_000, 'it does not sleep beyond its deadline')
})

t.test('an error of the probe is "not yet" and its text is what was seen', async (t) => {
  let probes = 0
  const probe = async () => {
    if (++probes === 1) throw new Error('ECONNRESET')
    return undefined
  }
  await t.rejects(waitFor('a port', probe, { deadlineMs: 1_000, clock: new FakeClock() }), {
    code: 'timeout',
    message: /last seen: ECONNRESET$/,
  })
  t.ok(probes > 1, 'it went on after the error')
})

t.test('a MachineError of the probe ends the wait at once', async (t) => {
  const clock = new FakeClock()
  const final = new MachineError('host-key', 'wrong key')
  await t.rejects(
    waitFor('ssh', () => Promise.reject(final), { deadlineMs: 60_000, clock }),
    final,
  )
  t.strictSame(clock.sleeps, [])
})

t.test('an abort ends the wait with its own reason, also while a probe runs', async (t) => {
  const reason = new MachineError('cancelled', 'Ctrl-C')
  const controller = new AbortController()
  const waiting = waitFor(
    'a probe that only its signal ends',
    (signal) =>
      new Promise<string>((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new Error('aborted'))),
      ),
    { deadlineMs: 60_000, signal: controller.signal },
  )
  setImmediate(() => controller.abort(reason))
  await t.rejects(waiting, reason)
})

t.test('a probe that hangs is told so at the deadline', async (t) => {
  const hang = (signal: AbortSignal) =>
    new Promise<undefined>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('told'))),
    )
  await t.rejects(waitFor('a hanging probe', hang, { deadlineMs: 60 }), { code: 'timeout' })
})

t.test('the deadline is extended as long as something moves', async (t) => {
  const clock = new FakeClock()
  const extensions = [5_000, 5_000, 0]
  await t.rejects(
    waitFor('a boot', async () => undefined, {
      deadlineMs: 10_000,
      intervalMs: 1_000,
      maxIntervalMs: 1_000,
      clock,
      extendMs: () => extensions.shift() ?? 0,
    }),
    { code: 'timeout', message: /after 20 s/ },
  )
})

t.test('retry repeats what may pass and returns what came in the end', async (t) => {
  let attempts = 0
  const value = await retry(
    'an upload',
    async () => (++attempts < 3 ? Promise.reject(new Error('503')) : attempts),
    {
      deadlineMs: 10_000,
      clock: new FakeClock(),
      isRetryable: (error) => error instanceof Error && error.message === '503',
    },
  )
  t.equal(value, 3)
})

t.test('retry throws an error that no repetition helps as it is', async (t) => {
  const clock = new FakeClock()
  const final = new Error('403')
  await t.rejects(
    retry('an upload', () => Promise.reject(final), { deadlineMs: 10_000, clock, isRetryable: () => false }),
    final,
  )
  t.strictSame(clock.sleeps, [])
})

t.test('retry ends at its deadline with the last failure in the text, MachineErrors included', async (t) => {
  await t.rejects(
    retry('an upload', () => Promise.reject(new MachineError('ssh', 'connection reset')), {
      deadlineMs: 2_000,
      clock: new FakeClock(),
      isRetryable: () => true,
    }),
    { code: 'timeout', message: /an upload.*last seen: connection reset/ },
  )
})

t.test('retry whose action is cut off by the deadline ends with a timeout, not with its abort', async (t) => {
  const action = async (signal: AbortSignal): Promise<never> =>
    await new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    )
  const options = { deadlineMs: 30, isRetryable: () => false }
  await t.rejects(retry('an answer', action, options), { code: 'timeout', message: /waiting for an answer/ })
})

t.test('withDeadline gives the value of work that is done in time', async (t) => {
  t.equal(await withDeadline('work', 1_000, async () => 7), 7)
  await t.rejects(
    withDeadline('work', 1_000, () => Promise.reject(new Error('its own'))),
    { message: 'its own' },
  )
})

t.test(
  'withDeadline aborts work that takes longer, with the last line of the evidence in the text',
  async (t) => {
    let told = false
    const work = (signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          told = true
          reject(new Error('stopped'))
        }),
      )
    await t.rejects(withDeadline('the engine', 40, work, { evidence: () => 'one\ntwo', hints: ['look'] }), {
      code: 'timeout',
      message: /the engine.*last seen: two/,
      hints: ['look'],
    })
    t.ok(told)
  },
)

t.test('withDeadline passes an abort on with its reason', async (t) => {
  const reason = new MachineError('cancelled', 'Ctrl-C')
  const controller = new AbortController()
  const running = withDeadline('work', 60_000, () => new Promise<never>(() => undefined), {
    signal: controller.signal,
  })
  controller.abort(reason)
  await t.rejects(running, reason)
})

t.test('a time that is longer than timers can be is long, not over at once', async (t) => {
  const months = 100 * 86_400_000
  const soon = async (): Promise<string> => await systemClock.sleep(30).then(() => 'done')
  t.equal(await withDeadline('work', months, soon), 'done')
  t.equal(await waitFor('work', soon, { deadlineMs: months }), 'done')
  const shared = new SharedDeadline(months)
  t.equal(await shared.within('work', soon), 'done')
  shared.end()
  let isCalled = false
  const forget = after(months, () => (isCalled = true))
  const limit = timeoutSignal(months)
  await soon()
  forget()
  t.notOk(isCalled)
  t.notOk(limit.aborted)
})
