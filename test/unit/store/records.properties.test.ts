/** Record files: any text is a record or is refused with what is wrong; what is written comes back. */
import fc from 'fast-check'
import t from 'tap'
import type { JsonObject } from '../../../src/contracts/record.js'
import { parseHostRecord, parseLedger, isOldHostRecord } from '../../../src/store/schema.js'
import { stringifyExactly } from '../../../src/store/exact-numbers.js'
import { formatHostRecord } from '../../../src/store/go-json.js'
import { maskChoices, maskSecrets } from '../../../src/store/mask.js'
import { isReference, resolveReference } from '../../../src/store/secret-reference.js'
import { isPlainName } from '../../../src/store/layout.js'
import { readEmbeddedLedger } from '../../../src/store/embedded-ledger.js'
import { checkMachineName, hostName } from '../../../src/machine/machine-name.js'
import { dockerMachineRecord, firstFiles } from '../../helpers/records.js'
import {
  checkBounded,
  forAll,
  hostileJson,
  hostileText,
  INHERITED_KEYS,
  pumps,
  refusedOr,
  refusedOrLater,
} from '../../helpers/properties.js'

const place = { name: 'web', dir: '/store/machines/web', root: '/store' }
const config = JSON.parse(dockerMachineRecord('none')) as Record<string, unknown>

/** A record with something else at one place, or with more. */
function changed(base: object): fc.Arbitrary<unknown> {
  const paths = placesIn(base)
  return fc
    .tuple(
      fc.constantFrom(...paths),
      hostileJson('Driver', 'HostOptions', 'Labels'),
      fc.constantFrom('', ...INHERITED_KEYS),
    )
    .map(([path, value, key]) => {
      const copy = JSON.parse(JSON.stringify(base)) as Record<string, unknown>
      let at = copy
      for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>
      const last = path.at(-1) ?? ''
      Object.defineProperty(at, key === '' ? last : key, {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      })
      return copy
    })
}

function placesIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path]
  return [
    ...(path.length > 0 ? [path] : []),
    ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key])),
  ]
}

t.test('config.json: any document is a record or is refused', async (t) => {
  await forAll(t, 'changed at one place', changed(config), (document) => {
    const text = JSON.stringify(document)
    const read = parseHostRecord(text, place)
    isOldHostRecord(text)
    if ('fault' in read) return typeof read.fault === 'string'
    const { value } = read
    if (
      typeof value.DriverName !== 'string' ||
      !(value.HostOptions.EngineOptions.Labels ?? []).every((label) => typeof label === 'string')
    )
      throw new Error('not of that shape')
    readEmbeddedLedger(value.Driver)
    const masked = maskSecrets(value, [])
    const again = parseHostRecord(formatHostRecord(masked, text), place)
    return (
      'value' in again &&
      JSON.stringify(maskChoices(again.value.HostOptions)) === JSON.stringify(maskChoices(masked.HostOptions))
    )
  })
  await forAll(
    t,
    'older versions',
    fc.tuple(changed(config), fc.constantFrom(0, 1, 2)),
    ([document, version]) => {
      parseHostRecord(JSON.stringify({ ...(document as object), ConfigVersion: version }), place)
    },
  )
  await forAll(
    t,
    'any text',
    fc.oneof(
      hostileText(JSON.stringify(config)),
      hostileJson().map((value) => JSON.stringify(value)),
    ),
    (text) => {
      parseHostRecord(text, place)
      parseLedger(text)
    },
  )
  const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
  for (const text of [
    deep,
    JSON.stringify({ ...config, Driver: 'DEEP' }).replace('"DEEP"', deep),
    '['.repeat(65_536),
  ])
    t.match(parseHostRecord(text, place), { fault: /nested too deep|not JSON/ })
})

t.test('tsmachine.json: any document is a ledger or is refused', async (t) => {
  const { ledger } = firstFiles('/store', 'web')
  await forAll(t, 'changed at one place', changed(ledger), (document) => {
    const read = parseLedger(JSON.stringify(document))
    if ('fault' in read) return
    for (const reference of Object.values(read.value.secrets))
      if (!/^(env|file|cmd|docker-credential|store):/.test(reference)) throw new Error(reference)
    if (!/^[0-9a-f]{32}$/.test(read.value.machineId)) throw new Error(read.value.machineId)
  })
})

t.test('numbers keep their digits, and no text is taken for a number', async (t) => {
  const digits = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 30n }), hostileText('\ue000', '\ue0001', '"'))
  await forAll(t, 'exact', digits, ([id, label]) => {
    const previous = `{"Id":${id},"L":[]}`
    const value = { ...(JSON.parse(previous) as JsonObject), L: [label] }
    const text = stringifyExactly(value, previous, 0)
    if (!label.includes('\ue000') && !text.includes(`"Id":${id}`)) throw new Error(text)
    return (JSON.parse(text) as { L: string[] }).L[0] === label
  })
})

t.test('what is masked holds no password, and the rest stays as it is', async (t) => {
  const urls = fc.tuple(
    fc.stringMatching(/^[a-z]{4,8}$/),
    fc.constantFrom('http://joe:', 'https://', 'tcp://x:'),
  )
  await forAll(t, 'passwords in URLs', urls, ([word, lead]) => {
    const secret = `${word}S3`
    const shown = JSON.stringify(
      maskChoices({ env: [`HTTP_PROXY=${lead}${secret}@proxy`, `API_TOKEN=${secret}`] }),
    )
    return !shown.includes(secret) && shown.includes('[secret]')
  })
  await forAll(
    t,
    'other text',
    hostileText().filter((text) => !/\/\/|=/.test(text)),
    (text) => JSON.stringify(maskChoices({ labels: [text] })) === JSON.stringify({ labels: [text] }),
  )
})

t.test('references to secrets lead to a text, or nowhere', async (t) => {
  const around = { dir: '/nonexistent', env: { REAL: 'value', PATH: process.env['PATH'] } }
  const references = fc.oneof(
    fc.constantFrom(...INHERITED_KEYS, 'REAL').map((name) => `env:${name}`),
    fc.constantFrom(...INHERITED_KEYS).map((name) => `${name}:x`),
    hostileText('store:', 'docker-credential:', '../').map((text) => `store:${text}`),
    hostileText(':').map((text) => `docker-credential:no-such-helper-${text}`),
  )
  await forAll(t, 'resolve', references, async (reference) => {
    isReference(reference)
    const secret = await refusedOrLater(() => resolveReference(reference as `env:${string}`, around))
    return secret === undefined || secret.reveal() === 'value'
  })
})

t.test('names: what leaves the folder of machines is refused', async (t) => {
  await forAll(t, 'machine names', hostileText('web', 'a', '.', '..'), (name) => {
    if (refusedOr(() => (checkMachineName(name), true)) === undefined) return
    if (!/^[a-zA-Z0-9][a-zA-Z0-9.-]*$/.test(name) || !isPlainName(name)) throw new Error(name.slice(0, 80))
    return hostName(name).length <= 63
  })
  for (const name of ['', '.', '..', '../x', 'a/b', 'a\\b', 'a\0b', '.hidden'])
    t.notOk(isPlainName(name), JSON.stringify(name))
})

t.test('long texts take no longer than their length', async (t) => {
  const texts = pumps('{"a":', '[[', '//', '//a', '"\\', '1e', 'A=')
  checkBounded(t, 'records', texts, (text) => [parseHostRecord(text, place), parseLedger(text)])
  checkBounded(t, 'masks', texts, (text) => maskChoices({ env: [text, `A=${text}`] }))
  checkBounded(t, 'numbers', texts, (text) =>
    stringifyExactly({ a: text }, JSON.stringify({ a: text, Id: 12345678901234567890n.toString() }), 4),
  )
})

t.test('a key __proto__ gives a record nothing, at any depth', (t) => {
  const evil = '"__proto__":{"phase":"ready","polluted":"yes"},"options":'
  const { ledger } = firstFiles('/store', 'web')
  const text = JSON.stringify({ ...ledger, secrets: { a: 'env:A' } })
  const parsed = parseLedger(
    text.replace('"options":', evil).replace('"secrets":{', '"secrets":{"__proto__":"env:B",'),
  )
  if ('fault' in parsed) throw new Error(parsed.fault)
  const { value } = parsed
  for (const part of [value, value.driver, value.secrets])
    t.equal(Object.getPrototypeOf(part), Object.prototype)
  t.notOk('polluted' in value)
  t.strictSame(Object.keys(value.secrets ?? {}), ['a'])
  t.end()
})
