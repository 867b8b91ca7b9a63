import t from 'tap'
import type { ReportEvent } from '../../../src/contracts/events.js'
import { createReporter, type Reporter } from '../../../src/ui/reporter.js'
import { ttyReporter } from '../../../src/ui/tty-reporter.js'

class Sink {
  text = ''
  constructor(
    readonly isTTY = false,
    readonly columns = 60,
    readonly rows = 24,
  ) {}
  write(text: string): void {
    this.text += text
  }
}

const stage = (state: 'start' | 'done' | 'failed', name = 'boot'): ReportEvent => ({
  type: 'stage',
  machine: 'web',
  stage: name,
  state,
  text: 'Waiting for the guest',
})

const STORY: readonly ReportEvent[] = [
  { type: 'info', text: 'hello\u001b[2J' },
  { type: 'debug', machine: 'web', text: 'detail' },
  stage('start'),
  { type: 'progress', machine: 'web', text: 'kernel', done: 1, total: 4 },
  stage('done'),
  stage('failed', 'ssh'),
  { type: 'warn', text: 'careful' },
]

function tell(reporter: Reporter): void {
  for (const event of STORY) reporter.report(event)
  reporter.close()
}

t.test('plain lines tell each stage once, failures and warnings, nothing in between', async (t) => {
  const [stream, debugStream] = [new Sink(), new Sink()]
  tell(createReporter({ mode: 'auto', stream, debug: false, debugStream }))
  t.equal(
    stream.text,
    'hello\\x1b[2J\n(web) Waiting for the guest\n(web) ssh failed: Waiting for the guest\nWarning: careful\n',
  )
  t.equal(debugStream.text, '')
})

t.test("debug lines go to their own stream, with the machine's name", async (t) => {
  const [stream, debugStream] = [new Sink(true), new Sink()]
  tell(createReporter({ mode: 'auto', stream, debug: true, debugStream }))
  t.equal(debugStream.text, '(web) DBG | detail\n')
  t.notMatch(stream.text, /\u001b\[\d*A/, 'no live display while debugging')
})

t.test('json tells every event as one line', async (t) => {
  const stream = new Sink()
  tell(createReporter({ mode: 'json', stream, debug: false, debugStream: stream }))
  const events = stream.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: ReportEvent })
  t.equal(events.length, STORY.length - 1)
  t.match(events[1], { event: { type: 'stage', state: 'start' } })
})

t.test('the live list redraws running steps and leaves finished ones with their time', async (t) => {
  const stream = new Sink(true)
  let now = 0
  const reporter = ttyReporter({ mode: 'tty', stream, debug: false, debugStream: stream }, () => now)
  reporter.report(stage('start'))
  t.match(stream.text, /- web: Waiting for the guest 0\.0 s\n$/)
  now = 3_200
  reporter.report({ type: 'progress', machine: 'web', text: 'kernel', done: 1, total: 4 })
  reporter.report({ type: 'info', text: 'a line\u001b[2J' })
  t.match(
    stream.text,
    /\u001b\[1A\u001b\[Ja line\\x1b\[2J\n- web: Waiting for the guest 3\.2 s - kernel 25%\n$/,
  )
  now = 65_000
  reporter.report(stage('done'))
  t.match(stream.text, /\u2713.*web: Waiting for the guest \(1 min 5 s\)\n$/)
  reporter.report(stage('start', 'ssh'))
  reporter.report(stage('failed', 'ssh'))
  t.match(stream.text, /\u2717/)
  reporter.close()
  const { length } = stream.text
  reporter.close()
  t.equal(stream.text.length, length, 'closing again writes nothing')
})

t.test('a running step is cut at the width of the terminal', async (t) => {
  const stream = new Sink(true, 20)
  const reporter = ttyReporter({ mode: 'tty', stream, debug: false, debugStream: stream })
  reporter.report(stage('start'))
  t.equal(stream.text, '- web: Waiting for \n')
  reporter.close()
})

t.test('a question has the terminal for itself, what is told meanwhile comes after it', async (t) => {
  const stream = new Sink(true)
  const reporter = ttyReporter({ mode: 'tty', stream, debug: false, debugStream: stream })
  reporter.report(stage('start'))
  const answer = await reporter.hold(() => {
    stream.text = ''
    reporter.report({ type: 'info', text: 'told meanwhile' })
    t.equal(stream.text, '')
    return Promise.resolve('answer')
  })
  t.equal(answer, 'answer')
  t.match(stream.text, /^told meanwhile\n.*web: Waiting for the guest/m)
  reporter.close()
})

t.test(
  'of more machines than a terminal has rows the rest is counted, and all of it is erased again',
  (t) => {
    const sink = new Sink(true, 60, 5)
    const reporter = createReporter({ mode: 'tty', stream: sink, debug: false, debugStream: sink })
    for (let count = 1; count <= 8; count++) reporter.report({ ...stage('start'), machine: `ci-${count}` })
    const last = sink.text.slice(sink.text.lastIndexOf('\u001b[J') + 3)
    t.match(last, /^\S+ ci-1: [^]*ci-3: .*\n\.\.\. and 5 more\n$/)
    t.equal(last.split('\n').length - 1, 4)
    reporter.close()
    t.ok(sink.text.endsWith('\u001b[4A\u001b[J'))
    t.end()
  },
)
