import t from 'tap'
import { FOR_GOOD, Memory, THING } from '../../../../../src/drivers/common/api/memory.js'
import { FakeClock } from '../../../../helpers/fake-clock.js'
import { NEVER } from '../../../../helpers/never.js'

/** An answer that comes when the test says so, unless nobody wants it any more. */
function slowly(): {
  ask: (signal: AbortSignal) => Promise<string>
  answer: () => void
  asked: () => number
} {
  let asked = 0
  let answer: () => void = () => undefined
  const ask = (signal: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      asked++
      answer = () => resolve('answer')
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
  return { ask, answer: () => answer(), asked: () => asked }
}

t.test('an answer is asked for once, shared, and asked for again when it is old', async (t) => {
  const clock = new FakeClock()
  const memory = new Memory(clock)
  let asked = 0
  const ask = (): Promise<number> => Promise.resolve(++asked)
  const both = await Promise.all([memory.once('a', 100, NEVER, ask), memory.once('a', 100, NEVER, ask)])
  t.strictSame(both, [1, 1])
  clock.advance(100)
  t.equal(await memory.once('a', 100, NEVER, ask), 2)
  t.equal(await memory.once('b', FOR_GOOD, NEVER, ask), 3)
  clock.advance(1e9)
  t.equal(await memory.once('b', FOR_GOOD, NEVER, ask), 3)
})

t.test('a failure is not remembered', async (t) => {
  const memory = new Memory(new FakeClock())
  const fail = (): Promise<never> => Promise.reject(new Error('no'))
  await t.rejects(memory.once('a', 100, NEVER, fail), { message: 'no' })
  t.equal(await memory.once('a', 100, NEVER, () => Promise.resolve('yes')), 'yes')
})

t.test('who gives up ends at once and takes nobody along, whoever asked first', async (t) => {
  for (const quitter of [0, 1]) {
    const memory = new Memory(new FakeClock())
    const { ask, answer, asked } = slowly()
    const stops = [new AbortController(), new AbortController()]
    const callers = stops.map(({ signal }) => memory.once('a', 100, signal, ask))
    stops[quitter]?.abort(new Error('Ctrl-C'))
    await t.rejects(
      callers[quitter] ?? Promise.resolve(''),
      { message: 'Ctrl-C' },
      'before there is an answer',
    )
    answer()
    t.equal(await callers[1 - quitter], 'answer')
    t.equal(asked(), 1)
  }
})

t.test('when all give up the question is withdrawn, and the next one asks anew', async (t) => {
  const memory = new Memory(new FakeClock())
  const { ask, answer, asked } = slowly()
  const stop = new AbortController()
  const callers = [1, 2].map(() => memory.once('a', 100, stop.signal, ask))
  stop.abort(new Error('Ctrl-C'))
  const next = memory.once('a', 100, NEVER, ask)
  for (const caller of callers) await t.rejects(caller, { message: 'Ctrl-C' })
  answer()
  t.equal(await next, 'answer')
  t.equal(await memory.once('a', 100, NEVER, ask), 'answer', 'what was withdrawn did not make it forgotten')
  t.equal(asked(), 2)
})

t.test('what is older does not replace what is newer; things are forgotten together', async (t) => {
  const clock = new FakeClock()
  const memory = new Memory(clock)
  const listAsked = clock.monotonicMs()
  clock.advance(10)
  memory.keep('labels', 100, 'written')
  memory.keep('labels', 100, 'listed', listAsked)
  const ask = (): Promise<string> => Promise.resolve('asked')
  t.equal(await memory.once('labels', 0, NEVER, ask), 'written')
  memory.keep(`${THING}x`, 100, 'there')
  memory.forgetThings()
  t.equal(await memory.once(`${THING}x`, 100, NEVER, ask), 'asked')
  t.equal(await memory.once('labels', 0, NEVER, ask), 'written')
})
