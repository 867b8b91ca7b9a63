import t from 'tap'
import { renderDiagnoses } from '../../../src/ui/diagnoses.js'
import { renderForwards } from '../../../src/ui/forwards.js'
import { renderTable } from '../../../src/ui/table.js'
import { neutralise, oneLine, quote } from '../../../src/util/text.js'

t.test(
  'columns have three blanks between them, five characters at least, and a bare last cell',
  async (t) => {
    t.equal(
      renderTable([
        ['A', 'LONGER', 'LAST'],
        ['a', 'b', 'c  '],
      ]),
      'A    LONGER   LAST\na    b        c\n',
    )
  },
)

t.test('a hostile cell cannot break its line or reach the terminal', async (t) => {
  const table = renderTable([
    ['NAME', 'ERRORS'],
    ['x', 'a\nb\u001b[31mred\u0007\u202e'],
  ])
  t.equal(table, 'NAME   ERRORS\nx      a b\\x1b[31mred\\x07\\u202e\n')
})

t.test('forwards and findings are told with their faults', async (t) => {
  const forwards = renderForwards([
    {
      protocol: 'tcp',
      guestPort: 80,
      hostPort: 8080,
      source: 'container',
      container: 'site',
      error: 'port 8080 is taken',
    },
    { protocol: 'udp', guestPort: 53, hostPort: 0, source: 'manual' },
  ])
  t.match(forwards, /127\.0\.0\.1:8080 +80\/tcp +container site +port 8080 is taken/)
  t.match(forwards, /^- +53\/udp +by hand/m)
  t.equal(
    renderDiagnoses([
      { check: 'node', level: 'good', text: '20' },
      { check: 'store', level: 'bad', text: 'no', hint: 'do this' },
    ]),
    'ok    node: 20\nBAD   store: no\n        do this\n',
  )
})

t.test('control characters become visible, line breaks stay where they may', async (t) => {
  t.equal(neutralise('a\tb\nc\u0000\u009b2J\u2066'), 'a\tb\nc\\x00\\x9b2J\\u2066')
  t.equal(neutralise('console\r\nline\r'), 'console\nline')
  t.equal(oneLine(' a \r\n b\tc '), 'a b c')
  t.equal(quote('a"\\\nb'), '"a\\"\\\\\\nb"')
})
