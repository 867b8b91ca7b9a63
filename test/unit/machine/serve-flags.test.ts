import t from 'tap'
import type { FlagSpec } from '../../../src/contracts/driver.js'
import { allFlags } from '../../../src/drivers/flag-tables.js'
import { givenFlags, servedFlags } from '../../../src/machine/serve-flags.js'

const flags: readonly FlagSpec[] = [
  { name: 'x-size', key: 'size', type: 'string', env: 'X_SIZE', default: 'small', summary: 'Size' },
  { name: 'x-kind', key: 'kind', type: 'string', options: ['a', 'b'], summary: 'Kind' },
  { name: 'x-disk', key: 'disk', type: 'integer', env: 'X_DISK', default: 10, summary: 'Disk' },
  { name: 'x-count', key: 'count', type: 'integer', summary: 'Count' },
  { name: 'x-tag', key: 'tags', type: 'list', env: 'X_TAG', summary: 'Tags' },
  { name: 'x-zone', key: 'zones', type: 'list', default: ['z1'], summary: 'Zones' },
  { name: 'x-ipv6', key: 'ipv6', type: 'boolean', env: 'X_IPV6', summary: 'IPv6' },
  { name: 'x-watch', key: 'watch', type: 'boolean', env: 'X_WATCH', default: true, summary: 'Watch' },
  {
    name: 'x-token',
    key: 'token',
    type: 'string',
    env: 'X_TOKEN',
    moreEnv: ['VENDOR_TOKEN'],
    secret: true,
    summary: 'Token',
  },
]

t.test('each of our kinds of flags becomes one of the four that a host knows', async (t) => {
  t.same(servedFlags(flags), [
    { name: 'x-size', usage: 'Size', envVar: 'X_SIZE', kind: 'string', value: 'small' },
    { name: 'x-kind', usage: 'Kind (a, b)', envVar: '', kind: 'string', value: '' },
    { name: 'x-disk', usage: 'Disk', envVar: 'X_DISK', kind: 'int', value: 10 },
    { name: 'x-count', usage: 'Count', envVar: '', kind: 'int', value: 0 },
    { name: 'x-tag', usage: 'Tags', envVar: 'X_TAG', kind: 'stringSlice', value: [] },
    { name: 'x-zone', usage: 'Zones', envVar: '', kind: 'stringSlice', value: ['z1'] },
    { name: 'x-ipv6', usage: 'IPv6', envVar: 'X_IPV6', kind: 'bool' },
    { name: 'no-x-watch', usage: 'Not: Watch', envVar: '', kind: 'bool' },
    { name: 'x-token', usage: 'Token', envVar: 'X_TOKEN', kind: 'string', value: '' },
  ])
})

t.test('the flags of all drivers have names of their own, and none is one of the host', async (t) => {
  const shared =
    /^(driver|engine-(install-url|opt|insecure-registry|registry-mirror|label|storage-driver|env)|swarm.*|tls-san)$/
  for (const { driver, flags: own } of allFlags()) {
    const names = servedFlags(own).map(({ name }) => name)
    t.equal(new Set(names).size, names.length, driver)
    t.same(
      names.filter((name) => shared.test(name)),
      [],
      driver,
    )
  }
})

const ALL = {
  'x-size': 'small',
  'x-kind': '',
  'x-disk': { int: 10 },
  'x-count': { int: 0 },
  'x-tag': [],
  'x-zone': ['z1'],
  'x-ipv6': false,
  'no-x-watch': false,
  'x-token': '',
  driver: 'ts-x',
  'swarm-host': 'tcp://0.0.0.0:3376',
}
const DEFAULTS = { 'x-size': 'small', 'x-disk': 10, 'x-zone': ['z1'], 'x-watch': true }

t.test('what a host sends for every flag means nothing more than that it was not given', async (t) => {
  t.match(givenFlags(flags, ALL, {}), DEFAULTS)
  const given = givenFlags(flags, ALL, {})
  for (const name of ['x-kind', 'x-count', 'x-tag', 'x-ipv6', 'x-token'])
    t.equal(given[name], undefined, name)
  t.notOk('driver' in given, 'flags of the host are not for the driver')
})

t.test('what was given arrives with its type', async (t) => {
  const values = {
    'x-size': 'large',
    'x-disk': { int: 20 },
    'x-tag': ['a', 'b'],
    'x-ipv6': true,
    'no-x-watch': true,
  }
  t.match(givenFlags(flags, { ...ALL, ...values }, {}), {
    'x-size': 'large',
    'x-disk': 20,
    'x-tag': ['a', 'b'],
    'x-ipv6': true,
    'x-watch': false,
  })
})

t.test('variables that the host has read are not read again, those that it does not know are', async (t) => {
  const env = { X_SIZE: 'huge', X_DISK: '99', X_TAG: 'c', X_WATCH: 'false', VENDOR_TOKEN: 'v' }
  const given = givenFlags(flags, { ...ALL, 'x-tag': ['c'] }, env)
  t.match(given, { 'x-size': 'small', 'x-disk': 10, 'x-tag': ['c'], 'x-watch': false, 'x-token': 'v' })
  t.match(givenFlags(flags, { ...ALL, 'x-token': 'mine' }, env), { 'x-token': 'mine' })
  t.throws(() => givenFlags(flags, ALL, { X_WATCH: 'perhaps' }), { code: 'usage' })
})
