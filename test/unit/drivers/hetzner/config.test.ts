import t from 'tap'
import type { FlagValues, JsonObject } from '../../../../src/contracts/driver.js'
import { collectFlagValues } from '../../../../src/drivers/common/flags.js'
import { reachOf } from '../../../../src/drivers/hetzner/config.js'
import { factory } from '../../../../src/drivers/hetzner/index.js'

function parse(given: FlagValues, env: Record<string, string> = {}): ReturnType<typeof factory.parse> {
  return factory.parse(
    collectFlagValues(factory.flags, { 'hetzner-api-token': 'secret', ...given }, env).values,
  )
}

function config(given: FlagValues, env: Record<string, string> = {}): JsonObject {
  const parsed = parse(given, env)
  if (!parsed.ok) throw new Error(parsed.faults.join())
  return parsed.config
}

/** The community driver's flags whose variables do not follow from their names. */
const VARIABLES: Readonly<Record<string, string>> = {
  'server-type': 'HETZNER_TYPE',
  'server-location': 'HETZNER_LOCATION',
  'additional-key': 'HETZNER_ADDITIONAL_KEYS',
  'server-label': 'HETZNER_SERVER_LABELS',
  'key-label': 'HETZNER_KEY_LABELS',
}

t.test("flags and variables are the community driver's", (t) => {
  const names =
    'api-token image image-id image-arch server-type server-location existing-key-id existing-key-path user-data ' +
    'user-data-from-file user-data-file volumes networks use-private-network disable-public-ipv4 disable-public-4 ' +
    'disable-public-ipv6 disable-public-6 disable-public primary-ipv4 primary-ipv6 firewalls additional-key ' +
    'server-label key-label placement-group auto-spread ssh-user ssh-port wait-on-error wait-on-polling ' +
    'wait-for-running-timeout'
  for (const name of names.split(' ')) {
    const flag = factory.flags.find((each) => each.name === `hetzner-${name}`)
    t.equal(flag?.env, VARIABLES[name] ?? `HETZNER_${name.replaceAll('-', '_').toUpperCase()}`, name)
  }
  t.equal(factory.flags.find(({ name }) => name === 'hetzner-endpoint')?.env, 'HCLOUD_ENDPOINT')
  t.equal(factory.flags.length, names.split(' ').length + 1)
  t.strictSame(
    factory.flags.filter(({ secret }) => secret).map(({ key }) => key),
    ['apiToken'],
  )
  t.end()
})

t.test('the defaults make a server that is reached by IPv4 as root', (t) => {
  const made = config({})
  t.match(made, { serverType: 'cx23', image: 'debian-13', imageId: '', location: '', sshUser: 'root' })
  t.match(made, { endpoint: 'https://api.hetzner.cloud/v1' })
  t.strictSame(reachOf(made), { via: 'public4', sshUser: 'root', sshPort: 22, enginePort: 2376 })
  t.end()
})

t.test('ways to reach a machine', (t) => {
  const via = (given: FlagValues): string => reachOf(config(given)).via
  t.equal(via({ 'hetzner-disable-public-ipv4': true }), 'public6')
  t.equal(via({ 'hetzner-disable-public-4': true }), 'public6', 'the old name')
  t.equal(via({ 'hetzner-use-private-network': true, 'hetzner-networks': ['n'] }), 'private')
  const hidden = config({ 'hetzner-disable-public': true, 'hetzner-networks': ['n'] })
  t.match(hidden, { usePrivateNetwork: true, disablePublic4: true, disablePublic6: true })
  t.equal(reachOf(hidden).via, 'private')
  t.match(parse({ 'hetzner-disable-public': true }), { faults: [/no private network attached/] })
  t.match(parse({ 'hetzner-disable-public-4': true, 'hetzner-disable-public-6': true }), {
    faults: [/--hetzner-use-private-network must be used if public networking is disabled/],
  })
  t.end()
})

t.test('what excludes each other or is malformed, all at once', (t) => {
  const parsed = parse({
    'hetzner-auto-spread': true,
    'hetzner-placement-group': 'g',
    'hetzner-user-data': '#!',
    'hetzner-user-data-file': 'f',
    'hetzner-primary-ipv4': '192.0.2.1',
    'hetzner-disable-public-ipv4': true,
    'hetzner-existing-key-id': '7',
    'hetzner-additional-key': ['not a key'],
    'hetzner-server-label': ['nothing', 'tsmachine-id=x', 'a=b c'],
    'hetzner-wait-on-polling': -1,
    'hetzner-image-arch': 'sparc',
  })
  const faults = parsed.ok ? [] : parsed.faults
  for (const wanted of [
    '--hetzner-auto-spread and --hetzner-placement-group are mutually exclusive',
    '--hetzner-user-data and --hetzner-user-data-file are mutually exclusive',
    '--hetzner-primary-ipv4 and --hetzner-disable-public-ipv4 are mutually exclusive',
    'specifying an existing key ID requires the existing key path',
    'is no public key line',
    'server label nothing is not in key=value format',
    'tsmachine... labels are ours',
    'begins and ends with a letter or digit',
    '--hetzner-wait-on-polling wants seconds',
    '--hetzner-image-arch wants one of',
  ])
    t.ok(
      faults.some((fault) => fault.includes(wanted)),
      `${wanted} in ${faults.join('; ')}`,
    )
  t.end()
})

t.test('what the machine layer is told', (t) => {
  const own = config({
    'hetzner-ssh-user': 'admin',
    'hetzner-existing-key-path': '/k',
    'hetzner-user-data': '/data',
    'hetzner-user-data-from-file': true,
  })
  t.equal(factory.seedUser?.(own), 'admin')
  t.equal(factory.clientKey?.(own), '/k')
  t.equal(factory.ownUserData?.(own), '/data', 'the old way of naming a file')
  t.equal(factory.ownUserData?.(config({ 'hetzner-user-data-file': '-' })), '-')
  t.strictSame(factory.ownUserData?.(config({ 'hetzner-user-data': '#!/bin/sh' })), { text: '#!/bin/sh' })
  t.equal(factory.clientKey?.(config({})), undefined)
  t.equal(factory.ownUserData?.(config({})), undefined)
  t.end()
})

t.test('the endpoint', (t) => {
  t.match(config({}, { HCLOUD_ENDPOINT: 'http://127.0.0.1:9/v1/' }), { endpoint: 'http://127.0.0.1:9/v1' })
  t.match(parse({ 'hetzner-endpoint': 'http://10.0.0.1' }), {
    faults: [/--hetzner-endpoint: .*not encrypted/],
  })
  t.end()
})
