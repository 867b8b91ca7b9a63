import t from 'tap'
import { elapsed, interleave } from '../../../bench/interleave.js'
import { amount, isKept, median, medianTimeline, ratio, spread } from '../../../bench/numbers.js'
import { peakMemoryMb } from '../../../bench/peak-memory.js'
import { stretch, timelineParts } from '../../../bench/timing.js'

t.test('the median is a value that was measured, of two middle ones the lower', async (t) => {
  t.equal(median([30, 10, 20]), 20)
  t.equal(median([40, 10, 30, 20]), 20)
  t.equal(median([7]), 7)
  t.equal(median([]), 0)
})

t.test('the spread of few runs is all of them, of many the middle four fifths', async (t) => {
  t.strictSame(spread([5, 1, 9]), { low: 1, high: 9, of: 'all' })
  const many = Array.from({ length: 21 }, (_, index) => index)
  t.strictSame(spread(many.toReversed()), { low: 2, high: 18, of: '10..90 %' })
})

t.test('a ratio divides medians, and only one above its budget is exceeded', async (t) => {
  const [ours, theirs] = [{ values: [1, 3, 90] }, { values: [6, 6, 2] }]
  t.strictSame(ratio('a', ours, theirs), { name: 'a', value: 0.5 })
  t.ok(isKept(ratio('a', ours, theirs)), 'without a budget')
  t.ok(isKept(ratio('a', ours, theirs, 0.5)), 'at its budget')
  t.notOk(isKept(ratio('a', ours, theirs, 0.49)))
  t.notOk(isKept(ratio('nothing was measured', { values: [] }, { values: [] }, 1)))
})

t.test('values are told with their unit, as exact as they are worth', async (t) => {
  t.equal(amount(12_345, 'ms'), '12.3 s')
  t.equal(amount(1.234, 'ms'), '1.2 ms')
  t.equal(amount(45.67, 'MB'), '45.7 MB')
  t.equal(amount(1234.5, 'ms'), '1235 ms')
  t.equal(amount(3, 'calls'), '3 calls')
})

t.test('a timeline of several runs has the middle of each part', async (t) => {
  const run = (boot: number, ssh: number) => [
    { text: 'boot', ms: boot, startMs: boot - 10 },
    { text: 'ssh', ms: ssh },
  ]
  t.strictSame(medianTimeline([run(10, 1), run(30, 3), run(20, 2)]), [
    { text: 'boot', ms: 20, startMs: 10 },
    { text: 'ssh', ms: 2 },
  ])
  t.strictSame(medianTimeline([]), [])
})

t.test('all are measured in turn, each second time the other way round', async (t) => {
  const calls: string[] = []
  const contestant = (name: string) => async () => calls.push(name)
  const turns = await interleave(
    { a: contestant('a'), b: contestant('b'), absent: undefined, c: contestant('c') },
    { runs: 3, warmUp: 1 },
  )
  t.equal(calls.join(''), 'cbaabccbaabc')
  t.strictSame(turns, { a: [4, 9, 10], b: [5, 8, 11], absent: [], c: [6, 7, 12] }, 'warm-up does not count')
})

t.test('what something takes ends when it ends', async (t) => {
  let ended = false
  const ms = await elapsed(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    ended = true
  })
  t.ok(ended)
  t.ok(ms > 0)
})

t.test('the peak of a program is its own, also after it has given memory back', async (t) => {
  const holding = (mb: number): string => `Buffer.alloc(${mb} << 20, 1)`
  const small = await peakMemoryMb(process.execPath, ['-e', holding(1)])
  const large = await peakMemoryMb(process.execPath, ['-e', holding(200)])
  t.ok(small > 20 && small < 200, `${small} MB`)
  t.ok(large - small > 150 && large - small < 250, `${large} MB`)
  await t.rejects(peakMemoryMb(process.execPath, ['-e', 'throw new Error("no way")']), { message: /no way/ })
})

t.test(
  'rows of create --timing become rows of a timeline, and the time between two of them is known',
  async (t) => {
    const timing = [
      { stage: 'make', startMs: 100, ms: 900 },
      { stage: 'make', part: 'vm', startMs: 300, ms: 700 },
      { stage: 'boot', startMs: 1_000, ms: 5_000 },
      { stage: 'boot', part: 'kernel', startMs: 1_000, ms: 2_000 },
    ]
    t.strictSame(timelineParts(timing)[1], { text: 'make: vm', startMs: 300, ms: 700 })
    t.equal(stretch(timing, ['make', 'vm'], ['boot', 'kernel']), 2_700)
    t.throws(() => stretch(timing, ['make', 'vm'], ['boot', 'init']), { message: /boot: init/ })
  },
)
