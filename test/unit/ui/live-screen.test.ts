import t from 'tap'
import { LiveScreen } from '../../../src/ui/live-screen.js'
import { poll } from '../../helpers/poll.js'

/** Collects what a terminal of this size is sent. */
function terminal(
  columns: number,
  rows: number,
): { columns: number; rows: number; sent: string[]; write(text: string): void } {
  const sent: string[] = []
  return { columns, rows, sent, write: (text) => void sent.push(text) }
}

t.test(
  'a text is drawn in place of the one before, cut to the terminal, and taken away at the end',
  async (t) => {
    const stream = terminal(10, 24)
    const screen = new LiveScreen(stream)
    screen.show(() => 'one\ntwo\n')
    await poll(5_000, async () => stream.sent.length === 1, 20)
    screen.show(() => 'never seen')
    screen.show(() => 'a longer line\n')
    await poll(5_000, async () => stream.sent.length === 2, 20)
    screen.end()
    t.same(stream.sent, ['one\ntwo\n', '\r\u001b[2A\u001b[Ja longer \n', '\r\u001b[1A\u001b[J'])
  },
)

t.test('what does not fit is counted', async (t) => {
  const stream = terminal(80, 4)
  const screen = new LiveScreen(stream)
  screen.show(() => '1\n2\n3\n4\n5\n')
  await poll(5_000, async () => stream.sent.length === 1, 20)
  t.same(stream.sent, ['1\n2\n... and 3 more\n'])
  screen.end()
})

t.test('an answer that comes at once leaves nothing on the terminal', async (t) => {
  const stream = terminal(80, 24)
  const screen = new LiveScreen(stream)
  screen.show(() => 'x')
  screen.end()
  t.same(stream.sent.join(''), '')
})
