import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { onAbort, timeoutSignal, unlessAborted } from '../../../src/util/abort.js'
import { systemClock } from '../../../src/util/clock.js'

t.test('an abort is told once, whether it is still to come or has been', async (t) => {
  for (const abortFirst of [true, false]) {
    const stop = new AbortController()
    let told = 0
    if (abortFirst) stop.abort()
    onAbort(stop.signal, () => told++)
    t.equal(told, 0, 'nobody is told before there is a way to take it back')
    stop.abort()
    await Promise.resolve()
    t.equal(told, 1)
  }
  t.doesNotThrow(onAbort(undefined, () => t.fail('there is no signal')))
})

t.test('who has taken it back is not told', async (t) => {
  for (const abortFirst of [true, false]) {
    const stop = new AbortController()
    if (abortFirst) stop.abort()
    const forget = onAbort(stop.signal, () => t.fail('told'))
    forget()
    stop.abort()
    await Promise.resolve()
  }
})

t.test('work is not waited for after an abort, and its own end counts before', async (t) => {
  const endless = new Promise<never>(() => undefined)
  const stop = new AbortController()
  t.equal(await unlessAborted(Promise.resolve('done'), stop.signal), 'done')
  await t.rejects(unlessAborted(Promise.reject(new Error('failed')), undefined), { message: 'failed' })
  const waiting = unlessAborted(endless, stop.signal)
  stop.abort(new Error('Ctrl-C'))
  await t.rejects(waiting, { message: 'Ctrl-C' })
  await t.rejects(unlessAborted(endless, stop.signal), { message: 'Ctrl-C' })
  await t.rejects(unlessAborted(Promise.resolve('late'), stop.signal), { message: 'Ctrl-C' })
})

t.test('the time of a signal that only another one knows counts when memory is tidied', async (t) => {
  setFlagsFromString('--expose-gc')
  const tidy = runInNewContext('gc') as () => void
  const joined = (): AbortSignal => AbortSignal.any([new AbortController().signal, timeoutSignal(100)])
  const signal = joined()
  for (let round = 0; round < 20 && !signal.aborted; round++) {
    tidy()
    await systemClock.sleep(50)
  }
  t.ok(signal.aborted)
  t.match(signal.reason, { name: 'TimeoutError' })
})
