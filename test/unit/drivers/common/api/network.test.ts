import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { ApiClient, type ApiTimeouts } from '../../../../../src/drivers/common/api/client.js'
import { isApiError } from '../../../../../src/drivers/common/api/errors.js'
import { testCertificates } from '../../../../helpers/certificates.js'
import { connectProxy } from '../../../../helpers/connect-proxy.js'
import { FakeClock } from '../../../../helpers/fake-clock.js'
import { scriptedApi } from '../../../../helpers/scripted-api.js'

const WORKER = fileURLToPath(new URL('../../../../helpers/api-worker.ts', import.meta.url))
const forever = new AbortController().signal

interface Failed {
  readonly message: string
  readonly hints: readonly string[]
  readonly fate: string
}

/** How one GET ends in this process. */
async function failureAt(
  t: Test,
  baseUrl: string,
  env: Record<string, string> = {},
  timeouts: ApiTimeouts = {},
): Promise<Failed> {
  const client = new ApiClient({
    provider: 'Acme',
    baseUrl,
    headers: () => ({}),
    secrets: [],
    errorOf: () => ({ message: 'no' }),
    clock: new FakeClock(),
    env,
    timeouts,
  })
  t.teardown(() => client.close())
  const error: unknown = await client
    .call({ method: 'POST', path: '/droplets', what: 'make the server' }, forever)
    .catch((reason: unknown) => reason)
  if (!isApiError(error)) throw new Error('no ApiError', { cause: error })
  return error
}

/** How GETs end in a process with this environment. */
async function outcomes(baseUrls: readonly string[], env: Record<string, string>): Promise<unknown[]> {
  const words = ['--import', 'tsx', WORKER, JSON.stringify(baseUrls)]
  const { stdout } = await promisify(execFile)(process.execPath, words, {
    env: { PATH: process.env['PATH'], ...env },
  })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

t.test(
  'https goes through a CONNECT tunnel, which is kept, and the certificate is checked against a given CA',
  async (t) => {
    const certificates = await testCertificates({ sans: ['api.acme.test'] })
    t.teardown(() => certificates.remove())
    const old = await testCertificates({ sans: ['127.0.0.1'], now: new Date('2022-01-01') })
    t.teardown(() => old.remove())
    const bundle = join(certificates.dir, 'bundle.pem')
    writeFileSync(bundle, `${certificates.ca.caPem}\n${old.ca.caPem}\n`)
    const answer = () => ({ status: 200, body: { ok: true } })
    const api = await scriptedApi(t, answer, certificates.server)
    const expired = await scriptedApi(t, answer, old.server)
    const proxy = await connectProxy(t)
    const [tunnelled, named, late] = await outcomes(
      [`https://api.acme.test:${api.port}/v2`, api.url, expired.url],
      { https_proxy: `http://user:p%40ss@127.0.0.1:${proxy.port}`, NODE_EXTRA_CA_CERTS: bundle },
    )
    t.strictSame(tunnelled, { bodies: [{ ok: true }, { ok: true }] })
    t.strictSame(
      proxy.tunnels,
      [`api.acme.test:${api.port}`],
      'one tunnel for both calls, none to this computer',
    )
    t.strictSame(proxy.logins, [`Basic ${Buffer.from('user:p@ss').toString('base64')}`])
    t.equal(api.seen[0]?.port, api.seen[1]?.port)
    t.match(named, {
      fate: 'unreachable',
      message: /its certificate is for another name/,
      hints: [/Something else answers there/],
    })
    t.match(late, {
      message: /its certificate has expired/,
      hints: [/this computer's clock .* It says 2026-/],
    })
  },
)

t.test('a certificate by an unknown authority: the hint names NODE_EXTRA_CA_CERTS', async (t) => {
  const certificates = await testCertificates()
  t.teardown(() => certificates.remove())
  const api = await scriptedApi(t, () => ({ status: 200, body: {} }), certificates.server)
  const error = await failureAt(t, api.url)
  t.match(error, {
    fate: 'unreachable',
    message: /^Cannot reach Acme at https:.* to make the server: its certificate is by an authority/,
  })
  t.match(error.hints, [/NODE_EXTRA_CA_CERTS=FILE/])
  t.equal(api.seen.length, 0)
})

t.test('a proxy that refuses is named without its password, and with what it wants', async (t) => {
  for (const [refusal, hint] of [
    ['407 Proxy Authentication Required', /HTTPS_PROXY=http:\/\/USER:PASSWORD@HOST:PORT/],
    ['403 Forbidden', /to allow this host, or set NO_PROXY/],
  ] as const) {
    const proxy = await connectProxy(t, refusal)
    const error = await failureAt(t, 'https://api.acme.test', {
      HTTPS_PROXY: `http://user:hunter2@127.0.0.1:${proxy.port}`,
    })
    t.match(error, { fate: 'unreachable', hints: [hint] })
    t.equal(
      error.message,
      `Cannot reach Acme at https://api.acme.test to make the server: the proxy http://127.0.0.1:${proxy.port} refused: ${refusal}`,
    )
    t.equal(proxy.tunnels.length, 1, 'it is not asked again')
  }
})

t.test('a proxy that is not there, and one that no program can use', async (t) => {
  const closed = await closedPort()
  const down = await failureAt(t, 'https://api.acme.test', {
    ALL_PROXY: `http://u:hunter2@127.0.0.1:${closed}`,
  })
  t.match(down.message, `the connection was refused`)
  t.match(down.message, `through the proxy http://127.0.0.1:${closed}`)
  const socks = await failureAt(t, 'https://api.acme.test', {
    https_proxy: 'socks5://u:hunter2@127.0.0.1:1080',
  })
  t.match(socks.message, /the proxy socks5:\/\/127\.0\.0\.1:1080 is no http or https URL/)
  t.notMatch(`${down.message}${socks.message}`, /hunter2/)
})

t.test(
  'endpoints that cannot be reached are told apart, and a POST is known not to have been sent',
  async (t) => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    t.teardown(() => silent.close())
    const plain = await scriptedApi(t, () => ({ status: 200, body: {} }))
    const { port } = silent.address() as AddressInfo
    for (const [url, text, hint] of [
      [`http://127.0.0.1:${await closedPort()}`, /the connection was refused/, /proxy settings/],
      ['https://nowhere.invalid', /its name (is unknown|cannot be looked up)/, /DNS settings/],
      [`https://127.0.0.1:${port}`, /it does not answer/, /proxy settings/],
      [`https://127.0.0.1:${plain.port}`, /does not speak TLS/, /URL of the endpoint/],
    ] as const)
      t.match(
        await failureAt(t, url, {}, { connectMs: 200 }),
        { fate: 'unreachable', message: text, hints: [hint] },
        url,
      )
  },
)

t.test('an endpoint that never answered is given up soon, one that has answered is not', async (t) => {
  const clock = new FakeClock()
  const api = await scriptedApi(t, () => ({ status: 200, body: {} }))
  const client = new ApiClient({
    provider: 'Acme',
    baseUrl: api.url,
    headers: () => ({}),
    secrets: [],
    errorOf: () => ({ message: 'no' }),
    clock,
    env: {},
  })
  t.teardown(() => client.close())
  const call = { method: 'GET', path: '/droplets', what: 'list the servers' } as const
  await client.call(call, forever)
  await api.close()
  await t.rejects(client.call(call, forever), { message: /the connection was refused/ })
  t.ok(clock.monotonicMs() > 90_000, 'it kept trying')
  const strange = new FakeClock()
  const wrong = new ApiClient({
    provider: 'Acme',
    baseUrl: api.url,
    headers: () => ({}),
    secrets: [],
    errorOf: () => ({ message: 'no' }),
    clock: strange,
    env: {},
  })
  await t.rejects(wrong.call(call, forever), { message: /the connection was refused/ })
  t.ok(strange.monotonicMs() < 20_000, 'a wrong URL takes no minutes')
})

async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
