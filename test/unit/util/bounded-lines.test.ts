import fc from 'fast-check'
import t from 'tap'
import { BoundedLines, LONGEST_LINE } from '../../../src/util/bounded-lines.js'
import { forAll, hostileText } from '../../helpers/properties.js'

t.test('lines come complete and in order, wherever the stream is cut', async (t) => {
  const streams = fc.tuple(
    fc.array(hostileText('\n', '\r\n'), { maxLength: 3 }),
    fc.integer({ min: 1, max: 9 }),
  )
  await forAll(t, 'any text', streams, ([texts, step]) => {
    const whole = texts.join('\n').slice(0, 2_000)
    const read: string[] = []
    const lines = new BoundedLines((line) => read.push(line))
    for (let at = 0; at < whole.length; at += step) lines.add(whole.slice(at, at + step))
    lines.end()
    const wanted = whole.split('\n').map((line) => line.replace(/\r$/, ''))
    if (whole.endsWith('\n') || whole === '') wanted.pop()
    if (JSON.stringify(read) !== JSON.stringify(wanted))
      throw new Error(`${JSON.stringify(read)} for ${JSON.stringify(wanted)}`)
  })
})

t.test('a line without end is cut, and the next one comes whole', async (t) => {
  const read: string[] = []
  const lines = new BoundedLines((line) => read.push(line))
  for (let i = 0; i < 64; i++) lines.add('x'.repeat(65_536))
  lines.add('\nnext\n')
  t.equal(read[0], `${'x'.repeat(LONGEST_LINE)} ... (${64 * 65_536 - LONGEST_LINE} characters more)`)
  t.strictSame(read.slice(1), ['next'])
})

t.test(
  'where such a line is refused it is told once, before it has ended, and no line comes any more',
  async (t) => {
    const read: string[] = []
    let refused = 0
    const lines = new BoundedLines((line) => read.push(line), { longest: 10, onTooLong: () => refused++ })
    lines.add('first\n0123456789\n')
    t.equal(refused, 0, 'as long as it may be')
    lines.add('0123456789')
    lines.add('x')
    t.equal(refused, 1)
    lines.add('\nnext\n')
    lines.add('x'.repeat(100))
    lines.end()
    t.equal(refused, 1)
    t.strictSame(read, ['first', '0123456789'])
  },
)
