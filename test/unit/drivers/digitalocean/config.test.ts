import t from 'tap'
import type { FlagValues, JsonObject } from '../../../../src/contracts/driver.js'
import { collectFlagValues } from '../../../../src/drivers/common/flags.js'
import { factory } from '../../../../src/drivers/digitalocean/index.js'

function parse(given: FlagValues, env: Record<string, string> = {}): ReturnType<typeof factory.parse> {
  return factory.parse(collectFlagValues(factory.flags, given, env).values)
}

function config(given: FlagValues, env: Record<string, string> = {}): JsonObject {
  const parsed = parse({ 'digitalocean-access-token': 'secret', ...given }, env)
  if (!parsed.ok) throw new Error(parsed.faults.join())
  return parsed.config
}

t.test("flags and variables are docker-machine's", (t) => {
  const names = 'access-token ssh-user ssh-key-fingerprint ssh-key-path ssh-port image region size ipv6'
  const more = 'private-networking backups userdata monitoring tags'
  for (const name of `${names} ${more}`.split(' ')) {
    const flag = factory.flags.find((each) => each.name === `digitalocean-${name}`)
    t.equal(flag?.env, `DIGITALOCEAN_${name.replaceAll('-', '_').toUpperCase()}`)
  }
  t.strictSame(
    factory.flags.filter(({ secret }) => secret).map(({ key }) => key),
    ['accessToken'],
  )
  t.end()
})

t.test('the defaults make a droplet', (t) => {
  t.match(config({}), { region: 'nyc3', size: 's-1vcpu-1gb', image: 'ubuntu-24-04-x64', sshUser: 'root' })
  t.end()
})

t.test('the endpoint is given with or without its version', (t) => {
  for (const url of [
    'http://127.0.0.1:99',
    'http://127.0.0.1:99/',
    'http://127.0.0.1:99/v2',
    'http://127.0.0.1:99/v2/',
  ])
    t.match(config({}, { DIGITALOCEAN_API_URL: url }), { apiUrl: 'http://127.0.0.1:99' })
  t.match(parse({ 'digitalocean-access-token': 's', 'digitalocean-api-url': 'http://10.0.0.1' }), {
    faults: [/--digitalocean-api-url: .*not encrypted/],
  })
  t.end()
})

t.test('a key path without its fingerprint is refused in the old words', (t) => {
  t.match(parse({ 'digitalocean-access-token': 's', 'digitalocean-ssh-key-path': '/k' }), {
    faults: ['ssh-key-fingerprint needs to be provided for "/k"'],
  })
  t.end()
})

t.test('what the machine layer is told', (t) => {
  const own = config({
    'digitalocean-ssh-user': 'admin',
    'digitalocean-ssh-key-fingerprint': 'aa:bb',
    'digitalocean-ssh-key-path': '/k',
    'digitalocean-userdata': '-',
  })
  t.equal(factory.seedUser?.(own), 'admin')
  t.equal(factory.clientKey?.(own), '/k')
  t.equal(factory.ownUserData?.(own), '-')
  t.equal(factory.clientKey?.(config({})), undefined)
  t.equal(factory.ownUserData?.(config({})), undefined)
  t.end()
})

t.test('ways to reach a machine that exclude each other', (t) => {
  const both = { 'digitalocean-use-ipv6': true, 'digitalocean-use-private-address': true }
  t.match(parse({ 'digitalocean-access-token': 's', ...both }), { faults: [/exclude each other/] })
  const reserved = { 'digitalocean-reserved-ip': 'new', 'digitalocean-use-ipv6': true }
  t.match(parse({ 'digitalocean-access-token': 's', ...reserved }), { faults: [/goes with neither/] })
  t.end()
})
