import fc from 'fast-check'
import t from 'tap'
import { redactByLooks, redactor } from '../../../src/util/redact.js'
import { size } from '../../sizes.js'

t.test('a known secret is found in the forms that it takes in URLs, JSON and base64', async (t) => {
  const secret = 'a"b/c+d é'
  const clean = redactor([secret])
  for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    t.equal(clean(`x ${form} y`), 'x [secret] y')
  t.equal(clean(Buffer.from(secret).toString('base64')), '[secret]')
  t.equal(redactor(['', ' '])('as it was'), 'as it was')
})

t.test('a secret that is a part of another one leaves nothing of it', async (t) => {
  t.equal(redactor(['abc', 'abcdef'])('abcdef abc'), '[secret] [secret]')
})

const LOOKS: readonly (readonly [string, string])[] = [
  ['DB_PASSWORD=x1 rest', 'DB_PASSWORD=[secret] rest'],
  ['{"api_key": "x1", "size": 3}', '{"api_key": "[secret]", "size": 3}'],
  ['{"accessToken":"a\\"b","n":1}', '{"accessToken":"[secret]","n":1}'],
  ['token: x1', 'token: [secret]'],
  ['--vendor-access-token x1 web', '--vendor-access-token [secret] web'],
  ['--vendor-access-token=x1 web', '--vendor-access-token=[secret] web'],
  ['Authorization: Basic eDE=', 'Authorization: Basic [secret]'],
  ['"authorization":"Bearer x1"', '"authorization":"Bearer [secret]"'],
  ['curl -H bearer x1', 'curl -H bearer [secret]'],
  ['http://me:x1@proxy:3128/', 'http://[secret]@proxy:3128/'],
  ['http://me:x1@x2@proxy:3128/', 'http://[secret]@proxy:3128/'],
  ['url=https://host/?a=b&access_token=x1&c=d', 'url=https://host/?a=b&access_token=[secret]&c=d'],
  ['{"auths":{"host":{"auth":"x1"}}}', '{"auths":{"host":{"auth":"[secret]"}}}'],
  ['msg="got {\\"token\\":\\"x1 x2\\",\\"n\\":1}"', 'msg="got {\\"token\\":\\"[secret]\\",\\"n\\":1}"'],
  ['msg="{\\"password\\":\\"x1', 'msg="{\\"password\\":[secret]'],
  ['see:password=x1', 'see:password=[secret]'],
  ['-----BEGIN EC PRIVATE KEY-----\nx1\n-----END EC PRIVATE KEY-----\nrest', '[secret]\nrest'],
  ['a key that is cut: -----BEGIN PRIVATE KEY-----\nx1', 'a key that is cut: [secret]'],
]

t.test('what looks like a secret is taken out, and what is beside it stays', async (t) => {
  for (const [text, wanted] of LOOKS) t.equal(redactByLooks(text), wanted)
})

const ORDINARY = [
  'token server at 10.0.0.1:443 is up',
  '{"password": "", "hasToken": true, "size": "1 GB"}',
  'inet6 fe80::1/64 scope link',
  'https://get.docker.com/x?y=z',
]

t.test('ordinary text stays as it is', async (t) => {
  for (const text of ORDINARY) t.equal(redactByLooks(text), text)
})

t.test('no known secret is left, whatever it is and wherever it stands', async (t) => {
  const word = fc.string({ minLength: 6, maxLength: 40, unit: 'binary' }).filter((text) => text.trim() !== '')
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, around) => {
      const text = secrets.map((secret) => around + secret).join(around)
      const cleaned = redactor(secrets)(text)
      return secrets.every((secret) => '[secret]'.includes(secret) || !cleaned.includes(secret))
    }),
    { numRuns: size('propertyRuns') },
  )
  t.pass('all of them')
})

t.test('hostile text takes no longer than its length', async (t) => {
  for (const piece of [
    'a',
    '-a',
    'token=',
    'token=\\"',
    'a ',
    'a\n',
    ' ',
    '"a',
    '--a ',
    'authorization: ',
    '//a',
    '-----BEGIN PRIVATE KEY-----',
    '\\"',
  ]) {
    const began = performance.now()
    redactByLooks(piece.repeat(20_000))
    const took = performance.now() - began
    t.ok(took < 5_000, `${piece}: ${took} ms`)
  }
})
