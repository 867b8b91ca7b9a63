import t from 'tap'
import { MachineError } from '../../../src/contracts/errors.js'
import type { ReportEvent } from '../../../src/contracts/events.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { runStage, type StageDefinition } from '../../../src/machine/stages.js'
import { systemClock } from '../../../src/util/clock.js'

function stateOf(signal = new AbortController().signal) {
  const events: ReportEvent[] = []
  const ctx = { signal, clock: systemClock, report: (event: ReportEvent) => events.push(event) }
  return { ctx: ctx as unknown as MachineContext, name: 'web', patience: 1, events }
}

function stage(run: StageDefinition<ReturnType<typeof stateOf>>['run'], deadlineMs = 5_000) {
  const definition: StageDefinition<ReturnType<typeof stateOf>> = {
    stage: 'boot',
    text: 'Waiting for machine to boot',
    deadlineMs,
    run,
    evidence: () => 'console line one\nconsole line two',
    hints: () => ['tsmachine create web --resume'],
  }
  return definition
}

t.test('a stage that works says start and done', async (t) => {
  const state = stateOf()
  await runStage(
    stage(async () => undefined),
    state,
  )
  t.strictSame(
    state.events.map((event) => event.type === 'stage' && event.state),
    ['start', 'done'],
  )
})

t.test('a failure carries the stage, the machine, the evidence and the next command', async (t) => {
  const state = stateOf()
  const work = runStage(
    stage(() => Promise.reject(new MachineError('ssh', 'no way in', { hints: ['first'] }))),
    state,
  )
  await t.rejects(work, {
    code: 'ssh',
    message: 'no way in',
    stage: 'boot',
    machine: 'web',
    evidence: 'console line one\nconsole line two',
    hints: ['first', 'tsmachine create web --resume'],
  })
  t.equal(state.events.at(-1)?.type === 'stage' && state.events.at(-1)?.type, 'stage')
})

t.test('a stage that hangs ends at its deadline with what was last seen', async (t) => {
  const hang = stage(() => new Promise(() => undefined), 20)
  await t.rejects(runStage(hang, { ...stateOf(), patience: 2 }), {
    code: 'timeout',
    message: /stage "boot" of web .* last seen: console line two/,
  })
})

t.test('an interrupted stage may write down what it made before its caller goes on', async (t) => {
  const interrupt = new AbortController()
  const state = stateOf(interrupt.signal)
  let recorded = false
  const work = runStage(
    stage(async (_state, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await new Promise((resolve) => setTimeout(resolve, 50))
      recorded = true
    }),
    state,
  )
  interrupt.abort(new MachineError('cancelled', 'Interrupted', { exitCode: 143 }))
  await t.rejects(work, { code: 'cancelled', exitCode: 143, stage: 'boot' })
  t.ok(recorded, 'the work came to its end first')
})

t.test('an unexpected error becomes a bug with exit 70', async (t) => {
  await t.rejects(
    runStage(
      stage(() => Promise.reject(new TypeError('undefined is not a function'))),
      stateOf(),
    ),
    { code: 'bug', exitCode: 70 },
  )
})
