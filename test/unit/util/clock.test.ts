import t from 'tap'
import { systemClock } from '../../../src/util/clock.js'

t.test('sleep takes about the time it was asked for', async (t) => {
  const before = systemClock.monotonicMs()
  await systemClock.sleep(30)
  t.ok(systemClock.monotonicMs() - before >= 28)
})

t.test('an aborted sleep ends at once with the reason of the signal', async (t) => {
  const reason = new Error('Ctrl-C')
  const controller = new AbortController()
  const before = systemClock.monotonicMs()
  const sleeping = systemClock.sleep(60_000, controller.signal)
  controller.abort(reason)
  await t.rejects(sleeping, reason)
  await t.rejects(systemClock.sleep(60_000, controller.signal), reason, 'also one that begins aborted')
  t.ok(systemClock.monotonicMs() - before < 5_000)
})

t.test('now is the wall clock', (t) => {
  t.ok(Math.abs(systemClock.now().getTime() - Date.now()) < 1_000)
  t.end()
})
