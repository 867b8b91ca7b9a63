import t from 'tap'
import { Batcher } from '../../../../../src/drivers/common/api/batcher.js'
import { allPages, type Cursor, pageOfUrl } from '../../../../../src/drivers/common/api/pages.js'
import { HandClock } from '../../../../helpers/hand-clock.js'

const forever = new AbortController().signal

t.test('all pages are fetched, by number, by link and by token', async (t) => {
  const asked: (Cursor | undefined)[] = []
  const pages = (nexts: readonly (Cursor | null | undefined)[]) => (cursor: Cursor | undefined) => {
    asked.push(cursor)
    const index = cursor === undefined ? 0 : nexts.indexOf(cursor) + 1
    return Promise.resolve({ items: [index * 2, index * 2 + 1], next: nexts[index] })
  }
  t.strictSame(await allPages('things', pages([2, 3, null])), [0, 1, 2, 3, 4, 5])
  t.strictSame(await allPages('things', pages(['token-a', undefined])), [0, 1, 2, 3])
  t.strictSame(await allPages('things', pages([''])), [0, 1], 'an empty token is none')
  t.strictSame(asked, [undefined, 2, 3, undefined, 'token-a', undefined])
})

t.test('pages that go in a circle are a fault, not a hang', async (t) => {
  const circle = () => Promise.resolve({ items: [1], next: 'again' })
  await t.rejects(allPages('droplets', circle), { code: 'driver', message: /pages of droplets never end/ })
})

t.test('of a link only the page number is taken', async (t) => {
  t.equal(pageOfUrl('https://elsewhere.test/v2/droplets?page=3&per_page=200'), 3)
  t.equal(pageOfUrl('/v2/droplets?page=12'), 12)
  for (const none of [
    undefined,
    null,
    '',
    'https://x.test/',
    'https://x.test/?page=last',
    'https://x.test/?page=0',
  ])
    t.equal(pageOfUrl(none), undefined)
})

function batcherOf(run: (keys: readonly string[]) => Promise<ReadonlyMap<string, number>>, limit = 10) {
  const clock = new HandClock()
  const calls: string[][] = []
  const batcher = new Batcher<string, number>({
    clock,
    limit,
    run: (keys) => {
      calls.push([...keys])
      return run(keys)
    },
    isOfOneKey: (error) => (error as Error).message.startsWith('bad key'),
  })
  return { clock, calls, batcher }
}

const lengths = (keys: readonly string[]) => Promise.resolve(new Map(keys.map((key) => [key, key.length])))

t.test('calls that come together are one call', async (t) => {
  const { clock, calls, batcher } = batcherOf(lengths)
  const all = Promise.all(['a', 'bb', 'ccc', 'bb'].map((key) => batcher.call(key, forever)))
  await clock.runUntil(all)
  t.strictSame(await all, [1, 2, 3, 2])
  t.strictSame(calls, [['a', 'bb', 'ccc']])
  const later = batcher.call('dddd', forever)
  await clock.runUntil(later)
  t.equal(await later, 4)
  t.equal(calls.length, 2)
})

t.test('a call names at most so many', async (t) => {
  const { clock, calls, batcher } = batcherOf(lengths, 3)
  const all = Promise.all(Array.from({ length: 7 }, (_item, index) => batcher.call(`k${index}`, forever)))
  await clock.runUntil(all)
  t.strictSame(
    calls.map((keys) => keys.length),
    [3, 3, 1],
  )
})

t.test('calls that come one after the other are joined too, but one alone does not wait', async (t) => {
  const clock = new HandClock()
  const calls: [number, number][] = []
  const run = (keys: readonly string[]) => {
    calls.push([clock.monotonicMs(), keys.length])
    return lengths(keys)
  }
  const batcher = new Batcher<string, number>({ clock, limit: 100, spacingMs: () => 5_000, run })
  const asked: Promise<unknown>[] = []
  for (let second = 0; second < 12; second++) {
    asked.push(batcher.call(`k${second}`, forever))
    await clock.advance(1_000)
  }
  await clock.runUntil(Promise.all(asked))
  t.strictSame(calls, [
    [20, 1],
    [5_020, 5],
    [10_020, 5],
    [15_020, 1],
  ])
})

t.test('what the answer does not name is undefined', async (t) => {
  const { clock, batcher } = batcherOf(async () => new Map())
  const one = batcher.call('a', forever)
  await clock.runUntil(one)
  t.equal(await one, undefined)
})

t.test("one bad key fails alone; another failure is everybody's", async (t) => {
  const { clock, batcher } = batcherOf((keys) =>
    keys.includes('bad') ? Promise.reject(new Error('bad key')) : lengths(keys),
  )
  const results = Promise.allSettled(['a', 'bb', 'bad', 'dddd', 'e'].map((key) => batcher.call(key, forever)))
  await clock.runUntil(results)
  t.strictSame(
    (await results).map((result) =>
      result.status === 'fulfilled' ? result.value : (result.reason as Error).message,
    ),
    [1, 2, 'bad key', 4, 1],
  )
  const down = batcherOf(() => Promise.reject(new Error('down')))
  const both = Promise.allSettled(['a', 'b'].map((key) => down.batcher.call(key, forever)))
  await down.clock.runUntil(both)
  t.equal(down.calls.length, 1)
  t.ok((await both).every(({ status }) => status === 'rejected'))
})

t.test('one who gives up leaves; the call ends only when all have', async (t) => {
  const clock = new HandClock()
  const signals: AbortSignal[] = []
  const batcher = new Batcher<string, number>({
    clock,
    limit: 10,
    run: (_keys, signal) => {
      signals.push(signal)
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  const [one, other] = [new AbortController(), new AbortController()]
  const calls = [batcher.call('a', one.signal), batcher.call('b', other.signal)]
  for (const call of calls) call.catch(() => undefined)
  await clock.advance(50)
  one.abort(new Error('first'))
  await t.rejects(calls[0] as Promise<unknown>, /first/)
  t.notOk(signals[0]?.aborted)
  other.abort(new Error('second'))
  await t.rejects(calls[1] as Promise<unknown>, /second/)
  t.ok(signals[0]?.aborted)
})
