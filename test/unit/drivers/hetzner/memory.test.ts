import t from 'tap'
import { Memory, THING } from '../../../../src/drivers/hetzner/memory.js'
import { FakeClock } from '../../../helpers/fake-clock.js'

const NEVER = new AbortController().signal

t.test('an answer is asked for once, shared, and asked for again when it is old', async (t) => {
  const clock = new FakeClock()
  const memory = new Memory(clock)
  let asked = 0
  const ask = (): Promise<number> => Promise.resolve(++asked)
  const both = await Promise.all([memory.once('a', 100, NEVER, ask), memory.once('a', 100, NEVER, ask)])
  t.strictSame(both, [1, 1])
  clock.advance(100)
  t.equal(await memory.once('a', 100, NEVER, ask), 2)
})

t.test('a failure is not remembered, and another one who gives up takes nobody along', async (t) => {
  const memory = new Memory(new FakeClock())
  await t.rejects(
    memory.once('a', 100, NEVER, () => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  const other = new AbortController()
  const given = memory.once('a', 100, other.signal, () => {
    return new Promise((_resolve, reject) =>
      other.signal.addEventListener('abort', () => reject(new Error('up'))),
    )
  })
  const mine = memory.once('a', 100, NEVER, () => Promise.resolve('mine'))
  other.abort()
  await t.rejects(given, { message: 'up' })
  t.equal(await mine, 'mine')
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
