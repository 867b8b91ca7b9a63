/** Waits of every kind, one after another, in a process whose wall clock a hook makes leap. Says how long each took. */
import { isMachineError } from '../../src/contracts/errors.js'
import { askOnce } from '../../src/engine/ask-once.js'
import { systemClock } from '../../src/util/clock.js'
import { acquireLock } from '../../src/util/locks.js'
import { pending, repeat, retry, SharedDeadline, waitFor, withDeadline } from '../../src/util/wait.js'

const never = (): Promise<never> => new Promise(() => undefined)
const hanging = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('ended')))
  })
const LIMIT_MS = 300
const lockPath = process.argv[2] ?? ''
const port = Number(process.argv[3])

async function ended(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'done',
    (error: unknown) => (isMachineError(error) ? error.code : String(error)),
  )
}

const WAITS: Readonly<Record<string, () => Promise<unknown>>> = {
  'waitFor, in vain': () =>
    waitFor('x', () => Promise.resolve(pending('no')), { deadlineMs: LIMIT_MS, intervalMs: 20 }),
  'waitFor, a probe that hangs': () => waitFor('x', hanging, { deadlineMs: LIMIT_MS }),
  'waitFor, fulfilled': () => {
    const from = performance.now()
    const look = () => Promise.resolve(performance.now() - from >= LIMIT_MS || undefined)
    return waitFor('x', look, { deadlineMs: 20_000, intervalMs: 20, maxIntervalMs: 20 })
  },
  retry: () =>
    retry('x', () => Promise.reject(new Error('again')), {
      deadlineMs: LIMIT_MS,
      intervalMs: 20,
      isRetryable: () => true,
    }),
  withDeadline: () => withDeadline('x', LIMIT_MS, never),
  SharedDeadline: () => new SharedDeadline(LIMIT_MS).within('x', never),
  'a sleep': () => systemClock.sleep(LIMIT_MS),
  repeat: () => {
    let times = 0
    const work = () => Promise.resolve(++times < 7)
    return repeat(work, { intervalMs: 50, signal: new AbortController().signal, clock: systemClock })
  },
  'a lock that somebody has': () => acquireLock(lockPath, { what: 'test', waitMs: LIMIT_MS }),
  'an engine that is silent': () =>
    askOnce({ host: '127.0.0.1', port, ca: '', cert: '', key: '' }, '/version', { deadlineMs: LIMIT_MS }),
}

for (const [name, wait] of Object.entries(WAITS)) {
  const from = performance.now()
  const end = await ended(wait())
  process.stdout.write(`${JSON.stringify({ name, end, ms: performance.now() - from })}\n`)
}
// The work that hangs would keep us.
process.exit(0)
