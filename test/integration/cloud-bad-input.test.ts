/** What users get wrong, at the providers' doubles: the provider's words, what helps, and 3 where nothing was made. */
import t from 'tap'
import { type CloudDouble, TOKEN } from '../doubles/cloud/index.js'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { checkBadInput, closedPort, largeFile } from '../helpers/bad-input.js'
import { connectProxy } from '../helpers/connect-proxy.js'

t.setTimeout(240_000)
const READER = 'reader-token-0123456789'

const readers = { tokens: { [READER]: { readOnly: true } } }

/** An account as it was before rows changed it. */
function reset({ conditions }: CloudDouble): void {
  Object.assign(conditions, { capacity: Infinity, quota: Infinity })
}

t.test('digitalocean', async (t) => {
  const double = await DigitalOceanDouble.start(readers)
  t.teardown(() => double.close())
  const proxy = await connectProxy(t, '407 Proxy Authentication Required')
  const closed = await closedPort()
  const token = (value: string) => ({ DIGITALOCEAN_ACCESS_TOKEN: value })
  const quota = 'creating this/these droplet(s) will exceed your droplet limit'
  await checkBadInput(
    t,
    double,
    { driver: 'digitalocean', env: { DIGITALOCEAN_API_URL: double.url, ...token(TOKEN) }, reset },
    [
      {
        what: 'no token',
        env: token(''),
        code: 2,
        says: [/requires the --digitalocean-access-token option/],
      },
      {
        what: 'a bad token',
        env: token('x'),
        code: 3,
        says: [/Unable to authenticate you \(HTTP 401/, /cloud\.digitalocean\.com\/account\/api\/tokens/],
      },
      {
        what: 'a token that only reads',
        env: token(READER),
        code: 1,
        says: [/not authorized .*HTTP 403, Forbidden, POST \/v2\//],
      },
      {
        what: 'an unknown region',
        args: ['--digitalocean-region', 'fra2'],
        code: 3,
        says: [/valid region: .*fra2/, /Did you mean fra1\?/],
      },
      {
        what: 'an unknown size and image, at once',
        args: ['--digitalocean-size', 's-1vcpu-1bg', '--digitalocean-image', 'debian-12-x46'],
        code: 3,
        says: [
          /no size .*s-1vcpu-1bg/,
          /mean s-1vcpu-1gb\?/,
          /no image .*debian-12-x46/,
          /mean debian-12-x64\?/,
        ],
      },
      {
        what: 'the limit is nought',
        given: ({ conditions }) => (conditions.quota = 0),
        code: 3,
        says: [/has 0 droplets and may have 0/, /higher droplet limit/],
      },
      {
        what: 'the limit is reached',
        given: (one) =>
          one.fail({ kind: 'status', status: 422, operation: 'droplets_create', message: quota }),
        code: 1,
        says: [/will exceed your droplet limit \(HTTP 422/, /tsmachine gc finds forgotten ones/],
      },
      {
        what: 'large user data',
        args: ['--digitalocean-userdata', largeFile(t, 64 * 1024)],
        code: 3,
        says: [/user data/i, /6[45]\D?\d{3}|64 KiB|65536/],
      },
      {
        what: 'nobody there',
        env: { DIGITALOCEAN_API_URL: `http://127.0.0.1:${closed}` },
        code: 3,
        says: [/Cannot reach DigitalOcean .*the connection was refused/, /proxy settings/],
      },
      {
        what: 'plain http',
        env: { DIGITALOCEAN_API_URL: 'http://example.com' },
        code: 2,
        says: [/not encrypted/],
      },
      {
        what: 'a proxy that wants a login',
        env: {
          DIGITALOCEAN_API_URL: 'https://api.acme.test',
          HTTPS_PROXY: `http://me:hunter2@127.0.0.1:${proxy.port}`,
        },
        code: 3,
        says: [
          /the proxy http:\/\/127\.0\.0\.1:\d+ refused: 407/,
          /HTTPS_PROXY=http:\/\/USER:PASSWORD@/,
          /^(?![^]*hunter2)/,
        ],
      },
    ],
  )
})

t.test('hetzner', async (t) => {
  const double = await HetznerDouble.start(readers)
  t.teardown(() => double.close())
  const closed = await closedPort()
  const token = (value: string) => ({ HETZNER_API_TOKEN: value })
  await checkBadInput(
    t,
    double,
    { driver: 'hetzner', env: { HCLOUD_ENDPOINT: double.url, ...token(TOKEN) }, reset },
    [
      { what: 'no token', env: token(''), code: 2, says: [/requires --hetzner-api-token/] },
      {
        what: 'a bad token',
        env: token('x'),
        code: 3,
        says: [/unable to authenticate \(HTTP 401/, /API tokens/],
      },
      { what: 'a token that only reads', env: token(READER), code: 3, says: [/HTTP 403/, /read/i] },
      {
        what: 'an unknown location',
        args: ['--hetzner-server-location', 'fsn2'],
        code: 3,
        says: [/no location .*fsn2/, /mean fsn1\?/],
      },
      {
        what: 'an unknown type',
        args: ['--hetzner-server-type', 'cx233'],
        code: 3,
        says: [/cx233/, /mean cx\d|Sold anywhere: cx23/],
      },
      {
        what: 'an unknown image',
        args: ['--hetzner-image', 'debian-122'],
        code: 3,
        says: [/no image .*debian-122/, /mean debian-12\?/],
      },
      {
        what: 'the limit is reached',
        given: ({ conditions }) => (conditions.quota = 0),
        code: 1,
        says: [/server limit exceeded \(HTTP 403, resource_limit_exceeded/, /tsmachine gc/],
      },
      {
        what: 'large user data',
        args: ['--hetzner-user-data-file', largeFile(t, 32 * 1024)],
        code: 3,
        says: [/user data/i],
      },
      {
        what: 'nobody there',
        env: { HCLOUD_ENDPOINT: `http://127.0.0.1:${closed}/v1` },
        code: 3,
        says: [/Cannot reach Hetzner.*the connection was refused/],
      },
    ],
  )
})
