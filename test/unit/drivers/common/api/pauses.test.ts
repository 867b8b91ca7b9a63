/** Providers that ask for pauses of any length, and answers that come byte by byte. */
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ApiClient, type ApiOptions } from '../../../../../src/drivers/common/api/client.js'
import { type ApiError, isApiError } from '../../../../../src/drivers/common/api/errors.js'
import { resetAfterOf } from '../../../../../src/drivers/common/api/retry-after.js'
import { FakeClock } from '../../../../helpers/fake-clock.js'
import { NEVER } from '../../../../helpers/never.js'
import { type Script, scriptedApi } from '../../../../helpers/scripted-api.js'

/** How a call to such a provider ends, and when by its own clock. */
async function ended(t: Test, method: 'GET' | 'POST', script: Script, options: Partial<ApiOptions>) {
  const { url: baseUrl } = await scriptedApi(t, script)
  const clock = new FakeClock()
  const errorOf = () => ({ message: 'enough' })
  const usual = { provider: 'Acme', baseUrl, headers: () => ({}), secrets: [], errorOf, clock, env: {} }
  const client = new ApiClient({ ...usual, ...options })
  t.teardown(() => client.close())
  const call = client.call({ method, path: '/servers', what: 'list the servers' }, NEVER)
  const error: unknown = await call.catch((reason: unknown) => reason)
  if (!isApiError(error)) throw new Error('no ApiError', { cause: error })
  return { error, tookMs: clock.monotonicMs() }
}

/** How a call ends that is always answered so. */
async function throttled(t: Test, headers: Record<string, string>): Promise<ApiError> {
  const told: Date[] = []
  const { error, tookMs } = await ended(t, 'GET', () => ({ status: 429, body: {}, headers }), {
    budget: { take: () => Promise.resolve(), exhausted: (at) => void told.push(at) },
    retryAfterMs: (answer, now) => resetAfterOf(answer.headers['ratelimit-reset'], now),
  })
  t.match(error, { status: 429, fate: 'refused' })
  t.ok(tookMs <= 120_000)
  t.ok(told.length > 0 && !told.some((at) => Number.isNaN(at.getTime())), 'a time that a clock can show')
  return error
}

const DIGITS = '9'.repeat(30)

t.test('a pause of days, or longer than time, ends the call at once with when to try again', async (t) => {
  for (const asked of ['2592000', DIGITS, '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'])
    t.match((await throttled(t, { 'retry-after': asked })).hints.at(-1), /try again after 2026-\d\d-/)
})

t.test('a pause that cannot be read or lies in the past is none: the deadline holds', async (t) => {
  const past = 'Thu, 01 Jan 1970 00:00:00 GMT'
  for (const asked of ['-5', '-99999999', 'NaN', 'Infinity', '', '1e9', 'tomorrow', past])
    t.match((await throttled(t, { 'retry-after': asked })).hints.at(-1), /Try again later|try again after 2/)
  for (const reset of [DIGITS, 'NaN', '-1', '1e308'])
    t.match((await throttled(t, { 'ratelimit-reset': reset })).hints.at(-1), /[Tt]ry again (later|after 2)/)
})

t.test('an answer that comes byte by byte is given up in time, in its head and in its body', async (t) => {
  for (const first of ['HTTP/1.1 200', 'HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{']) {
    const began = performance.now()
    const script: Script = (_request, { socket }) => drip(t, socket, first)
    const { error } = await ended(t, 'POST', script, { timeouts: { answerMs: 400 } })
    t.match(error, { fate: 'unknown', message: /no answer came in time/ })
    t.ok(performance.now() - began < 10_000)
  }
})

function drip(t: Test, socket: Socket | null, first: string): void {
  socket?.write(first)
  const timer = setInterval(() => void socket?.write(' '), 20)
  const stop = (): void => clearInterval(timer)
  socket?.once('close', stop)
  t.teardown(stop)
}
