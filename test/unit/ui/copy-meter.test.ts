import t from 'tap'
import { copyMeter } from '../../../src/ui/copy-meter.js'

t.test('one line for the file under way, drawn not too often, kept when the file is complete', async (t) => {
  let [text, now] = ['', 0]
  const sink = { write: (more: string) => (text += more), columns: 40 }
  const show = copyMeter(sink, () => now)
  const drawn = (): string => {
    const seen = text.replaceAll('\u001b[K', '')
    text = ''
    return seen
  }
  show({ file: 'one:a\u001b[2J', done: 0, total: 3_000_000 })
  t.equal(drawn(), '\r  0%      0 B  one:a\\x1b[2J')
  show({ file: 'one:a', done: 10, total: 3_000_000 })
  now = 10
  show({ file: 'one:a', done: 1_500_000, total: 3_000_000 })
  t.equal(drawn(), '\r  0%     10 B  one:a', 'a moment later nothing')
  now = 200
  show({ file: 'one:a', done: 1_500_000, total: 3_000_000 })
  t.equal(drawn(), '\r 50%   1.4 MB  one:a')
  show({ file: 'one:a', done: 3_000_000, total: 3_000_000 })
  t.equal(drawn(), '\r100%   2.9 MB  one:a\n')
  show({ file: `two:${'b'.repeat(80)}`, done: 0, total: 0 })
  t.equal(drawn().length, 1 + 39 + 1)
})
