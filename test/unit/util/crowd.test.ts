import t from 'tap'
import { Crowd } from '../../../src/util/crowd.js'
import { DeadlineReached, SharedDeadline } from '../../../src/util/wait.js'
import { HandClock } from '../../helpers/hand-clock.js'
import { NEVER } from '../../helpers/never.js'

const TOTAL_MS = 10_000
const AT_ONCE = 8

/** What became of many who were asked on one clock: an answer comes after so many milliseconds, or never. */
async function ask(answersMs: readonly (number | undefined)[]): Promise<{
  readonly answered: readonly boolean[]
  readonly tries: readonly number[]
  readonly peak: number
  readonly firstAskedMs: readonly number[]
  readonly endedMs: number
}> {
  const clock = new HandClock()
  const deadline = new SharedDeadline(TOTAL_MS, { clock })
  const crowd = new Crowd({ atOnce: AT_ONCE, clock, totalMs: TOTAL_MS, signal: deadline.signal })
  const tries = answersMs.map(() => 0)
  const firstAskedMs = answersMs.map(() => -1)
  let [open, peak] = [0, 0]
  const all = answersMs.map(async (ms, index) => {
    const work = async (signal: AbortSignal): Promise<void> => {
      peak = Math.max(peak, ++open)
      tries[index] = (tries[index] ?? 0) + 1
      if (firstAskedMs[index] === -1) firstAskedMs[index] = clock.monotonicMs()
      await clock.sleep(ms ?? 10 * TOTAL_MS, signal).finally(() => open--)
    }
    return await deadline
      .within('it', async () => await crowd.ask(work))
      .then(
        () => true,
        () => false,
      )
  })
  const done = Promise.all(all).finally(() => deadline.end())
  await clock.runUntil(done)
  return { answered: await done, tries, peak, firstAskedMs, endedMs: clock.monotonicMs() }
}

const repeat = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

t.test('who answers is asked once, a few at a time, however many there are', async (t) => {
  for (const count of [1, 10, 100, 400]) {
    const { answered, tries, peak } = await ask(repeat(count, 20))
    t.same(answered, repeat(count, true))
    t.same(tries, repeat(count, 1), `${count}: as many tries as there are machines`)
    t.equal(peak, Math.min(count, AT_ONCE))
  }
})

t.test('silent ones in front keep nobody from being asked, and all together take one deadline', async (t) => {
  for (const silent of [10, 60, 200]) {
    const { answered, peak, firstAskedMs, endedMs } = await ask([
      ...repeat(silent, undefined),
      ...repeat(5, 50),
    ])
    t.same(answered, [...repeat(silent, false), ...repeat(5, true)])
    t.equal(peak, AT_ONCE)
    t.equal(endedMs, TOTAL_MS)
    t.ok(
      Math.max(...firstAskedMs) <= TOTAL_MS / 2 + 1_000,
      `${silent}: the last was asked in half of the time`,
    )
  }
})

t.test('silent ones for whom nobody waits keep their place', async (t) => {
  const { tries, answered } = await ask([...repeat(AT_ONCE - 1, undefined), 9_000])
  t.same(tries, repeat(AT_ONCE, 1))
  t.equal(answered.at(-1), true, 'also one that takes nearly all of the time')
})

t.test('where all are slow none is silent', async (t) => {
  const { answered, tries } = await ask(repeat(3 * AT_ONCE, 900))
  t.same(answered, repeat(3 * AT_ONCE, true))
  t.same(tries, repeat(3 * AT_ONCE, 1))
})

t.test('one that lost its place gets longer the next time', async (t) => {
  const { answered } = await ask([...repeat(2, 1_500), ...repeat(30, undefined), ...repeat(30, 10)])
  t.same(answered, [true, true, ...repeat(30, false), ...repeat(30, true)])
})

t.test('an error is an answer, and after the end nobody is asked', async (t) => {
  const stop = new AbortController()
  const { signal } = stop
  const crowd = new Crowd({ atOnce: 1, clock: new HandClock(), totalMs: TOTAL_MS, signal })
  await t.rejects(
    crowd.ask(() => Promise.reject(new Error('refused'))),
    { message: 'refused' },
  )
  const waiting = [crowd.ask(() => new Promise(() => undefined)), crowd.ask(() => Promise.resolve())]
  stop.abort(new Error('Ctrl-C'))
  for (const each of [...waiting, crowd.ask(() => Promise.resolve())])
    await t.rejects(each, { message: 'Ctrl-C' })
})

t.test(
  'a deadline for many: each is told what it waited for, and an abort of the caller is an abort',
  async (t) => {
    const clock = new HandClock()
    const deadline = new SharedDeadline(2_000, { clock })
    const never = (): Promise<never> => new Promise(() => undefined)
    const failures = ['a', 'b'].map(
      async (what) =>
        await t.rejects(deadline.within(what, never), {
          code: 'timeout',
          message: `Gave up waiting for ${what} after 2.0 s; last seen: nothing was seen`,
        }),
    )
    await clock.runUntil(Promise.all(failures))
    t.ok(deadline.signal.reason instanceof DeadlineReached)
    await t.rejects(deadline.within('late', never), { code: 'timeout' })
    const stop = new AbortController()
    const aborted = new SharedDeadline(2_000, { clock, signal: stop.signal })
    const ended = t.rejects(aborted.within('a', never), { message: 'Ctrl-C' })
    stop.abort(new Error('Ctrl-C'))
    await ended
    const done = new SharedDeadline(2_000, { clock, signal: NEVER })
    t.equal(await done.within('a', () => Promise.resolve(1)), 1)
    done.end()
  },
)
