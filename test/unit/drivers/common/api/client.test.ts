import t from 'tap'
import type { Test } from 'tap'
import { ApiClient, type ApiOptions } from '../../../../../src/drivers/common/api/client.js'
import { ApiError, isApiError, isFateUnknown, isGone } from '../../../../../src/drivers/common/api/errors.js'
import { resetAfterOf } from '../../../../../src/drivers/common/api/retry-after.js'
import { systemClock } from '../../../../../src/util/clock.js'
import { FakeClock } from '../../../../helpers/fake-clock.js'
import { scriptedApi, type Script } from '../../../../helpers/scripted-api.js'

const CANARY = 'dop_v1_canary/+&=0123456789'
const forever = new AbortController().signal

async function clientOf(t: Test, script: Script, options: Partial<ApiOptions> = {}) {
  const api = await scriptedApi(t, script)
  const clock = new FakeClock()
  const client = new ApiClient({
    provider: 'Acme',
    baseUrl: `${api.url}/v2`,
    headers: () => ({ authorization: `Bearer ${CANARY}` }),
    secrets: [CANARY],
    errorOf: ({ body }) => body as { code: string; message: string },
    clock,
    env: {},
    ...options,
  })
  t.teardown(() => client.close())
  return { api, clock, client }
}

async function failureOf(work: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await work.then(
    () => new Error('it worked'),
    (reason: unknown) => reason,
  )
  if (!isApiError(error)) throw error
  return error
}

const make = { method: 'POST', path: '/droplets', body: { name: 'web' }, what: 'make the server' } as const
const list = {
  method: 'GET',
  path: '/droplets',
  query: { page: 2, tag_name: 'a b', none: undefined },
  what: 'list',
} as const

t.test('a call sends its query, body and headers, and returns the parsed answer', async (t) => {
  const { api, client } = await clientOf(t, () => ({ status: 202, body: { droplet: { id: 7 } } }))
  t.strictSame(await client.call(make, forever), { droplet: { id: 7 } })
  await client.call(list, forever)
  const [first, second] = api.seen
  t.match(first, { method: 'POST', url: '/v2/droplets', body: '{"name":"web"}' })
  t.match(first?.headers, { authorization: `Bearer ${CANARY}`, 'content-type': 'application/json' })
  t.equal(second?.url, '/v2/droplets?page=2&tag_name=a+b')
  t.equal(second?.headers['content-type'], undefined)
  t.equal(first?.port, second?.port, 'the connection is kept')
})

t.test('an empty answer is undefined', async (t) => {
  const { client } = await clientOf(t, (_request, response) => void response.writeHead(204).end())
  t.equal(await client.call({ method: 'DELETE', path: '/droplets/7', what: 'remove' }, forever), undefined)
})

t.test(
  'a refusal has the words, code, status and request id of the provider, and is not tried again',
  async (t) => {
    const { api, client } = await clientOf(
      t,
      () => ({
        status: 422,
        body: { code: 'unprocessable_entity', message: `bad size for ${CANARY}` },
        headers: { 'x-request-id': 'req-1' },
      }),
      { hintsOf: () => ['tsmachine drivers acme'] },
    )
    const error = await failureOf(client.call({ ...make, query: { secret: 'q-canary' } }, forever))
    t.equal(api.seen.length, 1)
    t.match(error, {
      code: 'driver',
      status: 422,
      fate: 'refused',
      providerCode: 'unprocessable_entity',
      requestId: 'req-1',
    })
    t.equal(
      error.message,
      'Acme cannot make the server: bad size for [secret] (HTTP 422, unprocessable_entity, POST /v2/droplets, request id req-1)',
    )
    t.strictSame(error.hints, ['tsmachine drivers acme'])
  },
)

t.test(
  'the token is in no error, hint, cause or log line, in whatever form an answer brings it back',
  async (t) => {
    const lines: string[] = []
    const said = `${CANARY} ${encodeURIComponent(CANARY)} ${Buffer.from(CANARY).toString('base64')} ${JSON.stringify(CANARY)}`
    const { client } = await clientOf(
      t,
      () => ({ status: 400, body: { code: CANARY, message: said }, headers: { 'x-request-id': CANARY } }),
      { hintsOf: () => [said], log: (text) => lines.push(text) },
    )
    const error = await failureOf(client.call({ ...make, path: `/x/${CANARY}` }, forever))
    const everything = [
      error.message,
      error.stack ?? '',
      ...error.hints,
      String(error.cause),
      error.providerCode ?? '',
      error.requestId ?? '',
    ]
    for (const text of [...everything, ...lines]) {
      t.notMatch(text, /canary/)
      t.notOk(text.includes(Buffer.from(CANARY).toString('base64')))
    }
    t.match(lines, [/^Acme: POST \/v2\/x\/\[secret\] -> 400 in \d+ ms, request id \[secret\]$/])
  },
)

t.test('an answer that is lost on the way leaves nothing of the request in the error', async (t) => {
  const { client } = await clientOf(t, (_request, response) => void response.destroy())
  const error = await failureOf(client.call(make, forever))
  t.notMatch(JSON.stringify([error, error.cause, error.stack]), /canary|Bearer/)
})

t.test('each class of failure is tried again, or not', async (t) => {
  const rows: {
    status: number
    method: 'GET' | 'PUT' | 'DELETE' | 'POST' | 'PATCH'
    tries: number
    fate: string
  }[] = [
    { status: 400, method: 'GET', tries: 1, fate: 'refused' },
    { status: 401, method: 'POST', tries: 1, fate: 'refused' },
    { status: 404, method: 'DELETE', tries: 1, fate: 'refused' },
    { status: 409, method: 'POST', tries: 1, fate: 'refused' },
    { status: 429, method: 'POST', tries: 2, fate: '' },
    { status: 503, method: 'POST', tries: 1, fate: 'unknown' },
    { status: 503, method: 'GET', tries: 2, fate: '' },
    { status: 500, method: 'POST', tries: 1, fate: 'unknown' },
    { status: 502, method: 'POST', tries: 1, fate: 'unknown' },
    { status: 504, method: 'PATCH', tries: 1, fate: 'unknown' },
    { status: 500, method: 'GET', tries: 2, fate: '' },
    { status: 502, method: 'PUT', tries: 2, fate: '' },
    { status: 504, method: 'DELETE', tries: 2, fate: '' },
  ]
  for (const { status, method, tries, fate } of rows) {
    const { api, client } = await clientOf(t, (_request, _response, count) =>
      count === 1 ? { status, body: { message: 'no' } } : { status: 200, body: {} },
    )
    const call = client.call({ method, path: '/x', what: 'try' }, forever)
    if (fate === '') await call
    else t.match(await failureOf(call), { status, fate }, `${method} ${status}`)
    t.equal(api.seen.length, tries, `${method} ${status}`)
  }
})

t.test('a lost answer is asked for again where that is harmless; else the fate is unknown', async (t) => {
  const drop: Script = (_request, response, count) =>
    count === 1 ? void response.destroy() : { status: 200, body: { n: count } }
  const reading = await clientOf(t, drop)
  t.strictSame(await reading.client.call(list, forever), { n: 2 })
  const making = await clientOf(t, drop)
  const error = await failureOf(making.client.call(make, forever))
  t.ok(isFateUnknown(error))
  t.equal(making.api.seen.length, 1)
  t.match(error.message, /^Acme gave no answer when asked to make the server: the connection broke/)
})

t.test('a POST that does the same twice is asked for again', async (t) => {
  const { api, client } = await clientOf(t, (_request, response, count) =>
    count === 1 ? void response.destroy() : { status: 200, body: {} },
  )
  await client.call({ ...make, repeatable: true }, forever)
  t.equal(api.seen.length, 2)
})

t.test('half of an answer is a lost answer', async (t) => {
  const { client } = await clientOf(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{"a":', () => response.destroy())
  })
  t.equal((await failureOf(client.call(make, forever))).fate, 'unknown')
})

t.test('a provider that says "locked" is asked again', async (t) => {
  const { api, client } = await clientOf(
    t,
    (_request, _response, count) =>
      count < 3 ? { status: 423, body: { code: 'locked', message: 'busy' } } : { status: 200, body: {} },
    { isPassing: ({ body }) => (body as { code?: string }).code === 'locked' },
  )
  await client.call(make, forever)
  t.equal(api.seen.length, 3)
})

t.test('the pause before the next attempt is at least what the server asks for', async (t) => {
  const once =
    (headers: Record<string, string>): Script =>
    (_request, _response, count) =>
      count === 1 ? { status: 429, body: { message: 'slow down' }, headers } : { status: 200, body: {} }
  const reset = String(Date.parse('2026-01-01T00:00:42.000Z') / 1_000)
  for (const [headers, least] of [
    [{ 'retry-after': '31' }, 31_000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:50 GMT' }, 50_000],
    [{ 'ratelimit-reset': reset }, 42_000],
  ] as const) {
    const { clock, client } = await clientOf(t, once(headers), {
      retryAfterMs: (answer, now) => resetAfterOf(answer.headers['ratelimit-reset'], now),
    })
    await client.call(make, forever)
    t.equal(clock.sleeps.length, 1)
    t.ok((clock.sleeps[0] ?? 0) >= least && (clock.sleeps[0] ?? 0) < least + 1_000, String(clock.sleeps))
  }
})

t.test('a pause longer than the deadline ends the call at once and is named', async (t) => {
  const { api, clock, client } = await clientOf(t, () => ({
    status: 429,
    body: { message: 'enough' },
    headers: { 'retry-after': '600' },
  }))
  const error = await failureOf(client.call(make, forever))
  t.equal(api.seen.length, 1)
  t.strictSame(clock.sleeps, [])
  t.match(error, { status: 429, fate: 'refused', message: /enough/ })
  t.match(error.hints.at(-1), 'Acme asks to wait 600 s: try again after 2026-01-01T00:10:00.000Z.')
})

t.test('pauses grow, are never alike for all, and end at the deadline with the last refusal', async (t) => {
  const { api, clock, client } = await clientOf(t, () => ({ status: 503, body: { message: 'maintenance' } }))
  const error = await failureOf(client.call(list, forever))
  t.match(error, { status: 503, message: /maintenance/ })
  t.match(error.hints.at(-1), `Tried ${api.seen.length} times. Try again later.`)
  t.ok(clock.monotonicMs() <= 120_000)
  t.ok(api.seen.length >= 8 && api.seen.length <= 24, `${api.seen.length} attempts`)
  t.ok((clock.sleeps[0] ?? 0) >= 250 && (clock.sleeps[0] ?? 0) <= 500)
  t.ok(clock.sleeps.every((pause) => pause <= 16_500))
})

t.test('an answer that does not come in time is given up; the fate of a POST is then unknown', async (t) => {
  const { api, client } = await clientOf(t, () => undefined, { timeouts: { answerMs: 500 } })
  const error = await failureOf(client.call(make, forever))
  t.match(error, { fate: 'unknown', message: /no answer came in time \(POST \/v2\/droplets\)$/ })
  t.equal(api.seen.length, 1)
})

t.test(
  'a POST that the deadline of the whole call cuts off has an unknown fate, whatever came before',
  async (t) => {
    const script: Script = (_request, _response, count) =>
      count === 1 ? { status: 429, body: { message: 'slow' } } : undefined
    const { api, client } = await clientOf(t, script, { clock: systemClock })
    t.equal((await failureOf(client.call({ ...make, deadlineMs: 700 }, forever))).fate, 'unknown')
    t.equal(api.seen.length, 2)
  },
)

t.test('an abort ends a call with its own reason, while it runs and while it pauses', async (t) => {
  const reason = new Error('Ctrl-C')
  const running = new AbortController()
  const { client } = await clientOf(t, () => void setImmediate(() => running.abort(reason)))
  await t.rejects(client.call(list, running.signal), reason)
  const pausing = new AbortController()
  const busy = await clientOf(t, () => {
    pausing.abort(reason)
    return { status: 503, body: { message: 'no' } }
  })
  await t.rejects(busy.client.call(list, pausing.signal), reason)
})

t.test('who stops while something is being made still learns what was made', async (t) => {
  const reason = new Error('Ctrl-C')
  const stop = new AbortController()
  const made = await clientOf(
    t,
    () => {
      stop.abort(reason)
      return new Promise((resolve) => setTimeout(() => resolve({ status: 201, body: { id: 7 } }), 20))
    },
    { clock: systemClock },
  )
  t.strictSame(await made.client.call(make, stop.signal), { id: 7 })
  await t.rejects(made.client.call(make, stop.signal), reason, 'but nothing further is made')
  const later = new AbortController()
  const hangs = await clientOf(t, () => later.abort(reason))
  await t.rejects(hangs.client.call(make, later.signal), reason, 'and an answer that does not come ends it')
  t.strictSame(hangs.clock.sleeps, [10_000])
  t.equal(hangs.api.seen.length, 1)
})

t.test('each attempt takes a turn, and a 429 tells the budget', async (t) => {
  const told: string[] = []
  const budget = {
    take: () => Promise.resolve(void told.push('turn')),
    exhausted: (at: Date) => void told.push(at.toISOString()),
  }
  const { client } = await clientOf(
    t,
    (_request, _response, count) =>
      count === 1
        ? { status: 429, body: { message: 'no' }, headers: { 'retry-after': '9' } }
        : { status: 200, body: {} },
    { budget },
  )
  await client.call(make, forever)
  t.strictSame(told, ['turn', '2026-01-01T00:00:09.000Z', 'turn'])
})

t.test('what is no JSON, and redirects, are refused with what came', async (t) => {
  const portal = await clientOf(t, () => ({ status: 200, body: '<html><b>Log in</b> to the hotel</html>' }))
  t.match(await failureOf(portal.client.call(list, forever)), {
    message: /it answers no JSON: Log in to the hotel/,
    hints: [/^Something between this computer and/],
  })
  const moved = await clientOf(t, () => ({
    status: 302,
    body: {},
    headers: { location: 'http://evil.test/?t=1' },
  }))
  const error = await failureOf(moved.client.call(list, forever))
  t.match(error, { fate: 'refused', message: /it redirects to http:\/\/evil\.test\/ \(HTTP 302/ })
  t.equal(moved.api.seen.length, 1)
})

t.test('401 and 403 are told apart, and a wrong clock is named', async (t) => {
  const answer =
    (status: number): Script =>
    () => ({ status, body: { message: 'no' }, headers: { date: 'Thu, 01 Jan 2026 00:00:10 GMT' } })
  t.match((await failureOf((await clientOf(t, answer(401))).client.call(list, forever))).hints, [
    /mistyped, revoked or expired/,
  ])
  t.match((await failureOf((await clientOf(t, answer(403))).client.call(list, forever))).hints, [
    /lacks the permission/,
  ])
  const clock = new FakeClock(new Date('2025-12-31T22:00:00Z'))
  const skewed = await clientOf(t, answer(401), { clock })
  t.match(
    (await failureOf(skewed.client.call(list, forever))).hints[1],
    /clock says 2025-12-31T22:00:00\.000Z, Acme's 2026-01-01T00:00:10/,
  )
})

t.test('404 and 410 mean gone, nothing else does', async (t) => {
  for (const [status, gone] of [
    [404, true],
    [410, true],
    [403, false],
  ] as const) {
    const { client } = await clientOf(t, () => ({ status, body: { message: 'x' } }))
    t.equal(isGone(await failureOf(client.call(list, forever))), gone)
  }
  t.notOk(isGone(new Error('404')))
})
