import t from 'tap'
import { mapBounded } from '../../../src/util/bounded.js'
import { editDistance, nearest } from '../../../src/util/nearest.js'

t.test('edit distance counts inserts, deletes, replacements and swaps', async (t) => {
  for (const [from, to, distance] of [
    ['', '', 0],
    ['a', '', 1],
    ['qemu', 'qemu', 0],
    ['qmeu', 'qemu', 1],
    ['kitten', 'sitting', 3],
    ['generc', 'generic', 1],
  ] as const)
    t.equal(editDistance(from, to), distance, `${from} ${to}`)
})

t.test('only a near word is offered', async (t) => {
  t.equal(nearest('qmu', ['none', 'qemu', 'generic']), 'qemu')
  t.equal(nearest('GENERIC', ['none', 'generic']), 'generic')
  t.equal(nearest('virtualbox', ['none', 'qemu']), undefined)
  t.equal(nearest('x', []), undefined)
})

t.test('bounded work keeps order and its limit', async (t) => {
  let running = 0
  let most = 0
  const results = await mapBounded([5, 1, 3, 2], 2, async (item, index) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
    return item * 10 + index
  })
  t.strictSame(results, [50, 11, 32, 23])
  t.equal(most, 2)
})

t.test('bounded work begins nothing more after a failure', async (t) => {
  const begun: number[] = []
  await t.rejects(
    mapBounded([1, 2, 3], 1, async (item) => {
      begun.push(item)
      if (item === 2) throw new Error('no')
    }),
    /no/,
  )
  t.strictSame(begun, [1, 2])
})
