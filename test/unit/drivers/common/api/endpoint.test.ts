import t from 'tap'
import { checkEndpoint } from '../../../../../src/drivers/common/api/endpoint.js'
import { accountKey, perAccount } from '../../../../../src/drivers/common/api/per-account.js'
import { redactor } from '../../../../../src/util/redact.js'
import { driverDeps } from '../../../../helpers/driver-deps.js'

t.test('endpoints: https anywhere, http to this computer only', (t) => {
  for (const [text, url] of [
    ['https://api.digitalocean.com', 'https://api.digitalocean.com'],
    ['https://api.hetzner.cloud/v1/', 'https://api.hetzner.cloud/v1'],
    ['http://localhost:8080/', 'http://localhost:8080'],
    ['http://127.4.5.6:1', 'http://127.4.5.6:1'],
    ['http://[::1]:8080/v2', 'http://[::1]:8080/v2'],
  ] as const)
    t.strictSame(checkEndpoint(text), { url })
  for (const [text, fault] of [
    ['http://api.digitalocean.com', /not encrypted/],
    ['http://127.0.0.1.evil.test', /not encrypted/],
    ['http://10.0.0.1', /not encrypted/],
    ['ftp://example.com', /no https URL/],
    ['api.example.com', /is no URL/],
    ['', /is no URL/],
    ['https://example.com/?token=x', /query/],
    ['https://me:hunter2@example.com', /user or password/],
  ] as const) {
    const checked = checkEndpoint(text)
    t.match(checked, { fault }, text)
    t.notMatch(JSON.stringify(checked), /hunter2|token=/)
  }
  t.end()
})

t.test('secrets are taken out in every form, the longest first, and an empty one changes nothing', (t) => {
  const redact = redactor(['tok', 'tok+en"/x', '', ' '])
  t.equal(redact('a tok+en"/x b tok c'), 'a [secret] b [secret] c')
  t.equal(redact('q=tok%2Ben%22%2Fx'), 'q=[secret]')
  t.equal(redact(JSON.stringify({ t: 'tok+en"/x' })), '{"t":"[secret]"}')
  t.equal(redact(`Basic ${Buffer.from('tok+en"/x').toString('base64')}`), 'Basic [secret]')
  t.equal(redactor([])('nothing to hide'), 'nothing to hide')
  t.end()
})

t.test('one thing for each account in this process, and its key tells no credentials', (t) => {
  const deps = driverDeps(t.testdir())
  const key = accountKey('acme', 'https://api.test', 'canary')
  t.notMatch(key, /canary/)
  t.not(key, accountKey('acme', 'https://api.test', 'other'))
  t.not(key, accountKey('acme', 'https://else.test', 'canary'))
  const first = perAccount(deps, key, () => ({}))
  t.equal(
    perAccount(deps, key, () => ({})),
    first,
  )
  t.not(
    perAccount(deps, 'other', () => ({})),
    first,
  )
  t.not(
    perAccount(driverDeps(t.testdir()), key, () => ({})),
    first,
  )
  t.end()
})
