import { EventEmitter } from 'node:events'
import { Errors } from '@oclif/core'
import t from 'tap'
import { ExitStatus, failureOf } from '../../../src/cli/failure.js'
import { errorDocument, resultDocument } from '../../../src/cli/json-document.js'
import { failureText } from '../../../src/cli/render-failure.js'
import { watchSignals } from '../../../src/cli/signals.js'
import { joinErrors, MachineError } from '../../../src/contracts/errors.js'
import { DOCKER_MACHINE_PROFILE, TSMACHINE_PROFILE } from '../../../src/contracts/profile.js'

const idle = new AbortController().signal
const ours = { profile: TSMACHINE_PROFILE, signal: idle }
const theirs = { profile: DOCKER_MACHINE_PROFILE, signal: idle }
const shown = { profile: TSMACHINE_PROFILE, debug: false, terminal: false }

t.test("exit codes are those of the code, and usage is the profile's", async (t) => {
  t.equal(failureOf(new MachineError('preflight', 'x'), ours).exitCode, 3)
  t.equal(failureOf(new MachineError('usage', 'x'), ours).exitCode, 2)
  t.equal(failureOf(new MachineError('usage', 'x'), theirs).exitCode, 1)
  t.equal(failureOf(new TypeError('x'), ours).exitCode, 70)
  t.match(failureOf('text', ours), { exitCode: 70, error: { code: 'bug', message: 'text' } })
  t.same(failureOf(new ExitStatus(42), ours), { exitCode: 42 })
  t.same(failureOf(new Errors.ExitError(0), ours), { exitCode: 0 })
})

t.test('parse errors are usage errors in the words of Go programs', async (t) => {
  const bad = new Errors.CLIError(
    'Parsing --timeout \n\tExpected an integer but received: abc\nSee more help with --help',
  )
  t.equal(failureOf(bad, ours).error?.message, 'invalid value "abc" for flag -timeout: parse error')
})

t.test('after a signal its exit status counts, and real errors are still shown', async (t) => {
  const controller = new AbortController()
  const reason = new MachineError('cancelled', 'Interrupted by SIGTERM', { exitCode: 143 })
  controller.abort(reason)
  const run = { profile: TSMACHINE_PROFILE, signal: controller.signal }
  t.equal(failureOf(reason, run).exitCode, 143)
  t.equal(failureOf(new DOMException('x', 'AbortError'), run).error, reason)
  t.equal(failureOf(new Error('socket closed'), run).error, reason)
  const real = failureOf(new MachineError('store', 'disk full'), run)
  t.match(real, { exitCode: 143, error: { code: 'store', message: 'disk full' } })
})

t.test('the first signal aborts, the second ends the process', async (t) => {
  const exits: number[] = []
  const source = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) })
  const { signal } = watchSignals(source)
  source.emit('SIGINT')
  t.match(signal.reason, { code: 'cancelled', exitCode: 130 })
  t.same(exits, [])
  t.equal(source.listenerCount('SIGHUP'), 1)
  source.emit('SIGTERM')
  t.same(exits, [143])
  t.equal(source.listenerCount('SIGHUP'), 0, 'an exit that hangs is ended by the system')
})

t.test('an error is told with stage, evidence and what to do, control characters made visible', async (t) => {
  const error = new MachineError('timeout', 'Gave up\u001b[2J', {
    stage: 'boot',
    machine: 'web',
    evidence: 'Kernel panic\n\u0007end\n',
    hints: ['tsmachine logs web --boot', 'two\nlines'],
  })
  t.equal(
    failureText(error, shown),
    'Error: Gave up\\x1b[2J\n  Stage: boot\n  Last seen:\n    | Kernel panic\n    | \\x07end\n  What to do:\n' +
      '    tsmachine logs web --boot\n    two\n    lines\n',
  )
  t.match(
    failureText(error, { profile: DOCKER_MACHINE_PROFILE, debug: false, terminal: false }),
    /^Gave up/,
    'their text has no prefix',
  )
  t.match(failureText(error, { ...shown, debug: true }), /errors\.test/, 'debug adds the trace')
})

t.test('texts that already say Error get no second one', async (t) => {
  t.equal(
    failureText(new MachineError('usage', 'Error: No machine name specified'), shown),
    'Error: No machine name specified\n',
  )
})

t.test('failures of several machines are told one by one and end with the highest status', async (t) => {
  const joined = joinErrors([
    new MachineError('driver', 'one'),
    new MachineError('bug', 'two'),
    new MachineError('driver', 'three'),
  ])
  t.equal(failureText(joined, shown), 'Error: one\nError: two\nError: three\n')
  t.equal(joined.exitCode, 70)
  const single = new MachineError('driver', 'alone')
  t.equal(joinErrors([single]), single)
  t.throws(() => joinErrors([]))
})

t.test('JSON documents are one shape, and hold no raw control characters', async (t) => {
  t.same(JSON.parse(resultDocument('ls', [1])), { schema: 1, command: 'ls', ok: true, result: [1] })
  const text = errorDocument(
    'create',
    new MachineError('ssh', 'a\u009b\u202eb\u001b', { stage: 'ssh', machine: 'web' }),
    1,
  )
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  t.match(JSON.parse(text), {
    ok: false,
    error: {
      code: 'ssh',
      message: 'a\u009b\u202eb\u001b',
      exitCode: 1,
      machine: 'web',
      stage: 'ssh',
      hints: [],
    },
  })
  const joined = joinErrors([new MachineError('driver', 'one'), new MachineError('ssh', 'two')])
  t.match(JSON.parse(errorDocument('stop', joined, 1)), {
    error: { errors: [{ code: 'driver' }, { code: 'ssh' }] },
  })
})
