import t from 'tap'
import { Timeline } from '../../../src/cli/timeline.js'
import type { ReportEvent } from '../../../src/contracts/events.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { guestParts } from '../../../src/machine/guest-parts.js'
import { runStage } from '../../../src/machine/stages.js'
import { timelineTable } from '../../../src/ui/timeline.js'
import { FakeClock } from '../../helpers/fake-clock.js'

type Told = readonly [ms: number, event: ReportEvent]

const stage = (ms: number, name: string, state: 'start' | 'done' | 'failed', machine = 'web'): Told => [
  ms,
  { type: 'stage', machine, stage: name, state, text: '' },
]
const part = (ms: number, text: string, state: 'start' | 'done', of?: 'boot'): Told => [
  ms,
  { type: 'part', machine: 'web', text, state, ...(of ? { stage: of } : {}) },
]

/** A timeline to which this was told, each at its millisecond, and what was passed on. */
function heard(...story: readonly Told[]) {
  const clock = new FakeClock()
  const timeline = new Timeline(clock)
  const passed: ReportEvent[] = []
  const report = timeline.listen((event) => void passed.push(event))
  for (const [ms, event] of story) {
    clock.advance(ms - clock.monotonicMs())
    report(event)
  }
  return { clock, timeline, passed }
}

t.test('stages are told from the program start, and all events are passed on', async (t) => {
  const story = [
    stage(700, 'preflight', 'start'),
    stage(750, 'preflight', 'done'),
    stage(800, 'make', 'start'),
    stage(2_000, 'make', 'done'),
  ]
  const { timeline, passed } = heard(...story)
  t.strictSame(timeline.of('web'), [
    { stage: 'start', startMs: 0, ms: 700 },
    { stage: 'preflight', startMs: 700, ms: 50 },
    { stage: 'make', startMs: 800, ms: 1_200 },
  ])
  t.strictSame(
    passed,
    story.map(([, event]) => event),
  )
  t.strictSame(timeline.of('other'), [])
})

t.test('stages that overlap keep their own times', async (t) => {
  const { timeline } = heard(
    stage(100, 'boot', 'start'),
    stage(150, 'identity', 'start'),
    stage(400, 'identity', 'done'),
    stage(900, 'boot', 'done'),
  )
  t.strictSame(timeline.of('web').slice(1), [
    { stage: 'boot', startMs: 100, ms: 800 },
    { stage: 'identity', startMs: 150, ms: 250 },
  ])
})

t.test('parts stand behind their stage: the one they name, else the one that began last', async (t) => {
  const { timeline } = heard(
    stage(0, 'make', 'start'),
    part(10, 'disk', 'start'),
    part(60, 'disk', 'done'),
    stage(100, 'make', 'done'),
    stage(100, 'boot', 'start'),
    stage(200, 'ssh', 'start'),
    part(300, 'init', 'start', 'boot'),
    part(350, 'init', 'done', 'boot'),
    part(360, 'never ends', 'start'),
    stage(400, 'ssh', 'done'),
    stage(500, 'boot', 'done'),
  )
  t.strictSame(timeline.of('web'), [
    { stage: 'start', startMs: 0, ms: 0 },
    { stage: 'make', startMs: 0, ms: 100 },
    { stage: 'make', part: 'disk', startMs: 10, ms: 50 },
    { stage: 'boot', startMs: 100, ms: 400 },
    { stage: 'boot', part: 'init', startMs: 300, ms: 50 },
    { stage: 'ssh', startMs: 200, ms: 200 },
  ])
})

t.test('a failure is told with what had not ended by then', async (t) => {
  const { clock, timeline } = heard(
    stage(0, 'boot', 'start'),
    stage(100, 'ssh', 'start'),
    stage(250, 'ssh', 'failed'),
  )
  clock.advance(50)
  t.strictSame(timeline.of('web').slice(1), [
    { stage: 'boot', startMs: 0, ms: 300, failed: true },
    { stage: 'ssh', startMs: 100, ms: 150, failed: true },
  ])
})

t.test('machines that are made side by side have a timeline each', async (t) => {
  const { timeline } = heard(
    stage(10, 'make', 'start', 'a'),
    stage(20, 'make', 'start', 'b'),
    stage(50, 'make', 'done', 'b'),
    stage(90, 'make', 'done', 'a'),
  )
  t.strictSame(timeline.machines, ['a', 'b'])
  t.strictSame(timeline.of('a').at(-1), { stage: 'make', startMs: 10, ms: 80 })
  t.strictSame(timeline.of('b').at(-1), { stage: 'make', startMs: 20, ms: 30 })
})

t.test('stages that run are measured with the clock of the run', async (t) => {
  const clock = new FakeClock()
  const timeline = new Timeline(clock)
  const ctx = { signal: new AbortController().signal, clock, report: timeline.listen(() => undefined) }
  const state = { ctx: ctx as unknown as MachineContext, name: 'web', patience: 1 }
  const sleeping = (name: 'boot' | 'engine', ms: number) =>
    runStage({ stage: name, text: '', deadlineMs: 9_000, run: () => clock.sleep(ms), hints: () => [] }, state)
  await sleeping('boot', 1_234)
  await sleeping('engine', 766)
  t.strictSame(timeline.of('web'), [
    { stage: 'start', startMs: 0, ms: 0 },
    { stage: 'boot', startMs: 0, ms: 1_234 },
    { stage: 'engine', startMs: 1_234, ms: 766 },
  ])
})

t.test('lines of our image end the parts of its boot, in order', async (t) => {
  const { clock, timeline } = heard(stage(0, 'boot', 'start'))
  const ctx = { report: timeline.listen(() => undefined) } as unknown as MachineContext
  const line = guestParts(ctx, 'web')
  for (const [ms, text] of [
    [100, 'SeaBIOS'],
    [900, 'tsmachine-init: ready for nothing before the kernel'],
    [1_000, 'tsmachine-init: kernel 6.12 started'],
    [1_200, 'tsmachine-init: version 1'],
    [3_000, 'tsmachine-init: ready'],
    [3_100, 'tsmachine-init: ready'],
  ] as const) {
    clock.advance(ms - clock.monotonicMs())
    line(text)
  }
  t.strictSame(timeline.of('web').slice(2), [
    { stage: 'boot', part: 'kernel', startMs: 0, ms: 1_000 },
    { stage: 'boot', part: 'init', startMs: 1_000, ms: 2_000 },
  ])
})

t.test('the table shows on one axis what overlaps', async (t) => {
  const table = timelineTable('web', [
    { stage: 'boot', startMs: 0, ms: 4_000 },
    { stage: 'boot', part: 'kernel', startMs: 0, ms: 1_000 },
    { stage: 'identity', startMs: 2_000, ms: 1_000 },
    { stage: 'tls', startMs: 4_000, ms: 0, failed: true },
  ])
  t.equal(
    table,
    [
      'Timeline of web, from the start of the program:',
      'STAGE      FROM     TOOK',
      `boot       0.00 s   4.00 s   ${'#'.repeat(40)}`,
      `  kernel   0.00 s   1.00 s   ${'#'.repeat(10)}`,
      `identity   2.00 s   1.00 s   ${' '.repeat(20)}${'#'.repeat(10)}`,
      `tls        4.00 s   0.00 s   ${' '.repeat(39)}# failed`,
      'total               4.00 s',
      '',
    ].join('\n'),
  )
})
