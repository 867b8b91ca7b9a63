// The doubles of cloud providers keep to their descriptions, and refuse what the providers refuse, in their words.
import t, { type Test } from 'tap'
import type { DoubleOptions } from '../doubles/cloud/index.js'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { apiClient } from '../helpers/api-client.js'
import { FakeClock } from '../helpers/fake-clock.js'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKvWMYR1EqCLm5cBvUs3rcz5YmT5BjKmcRB8Vf6wzpX test'

async function digitalOcean(t: Test, options: DoubleOptions = {}) {
  const clock = new FakeClock()
  const double = await DigitalOceanDouble.start({ clock, ...options })
  t.teardown(async () => {
    await double.close()
    // Every answer must fit the description.
    if (double.violations.length > 0) throw new Error(double.violations.join('\n'))
  })
  return { double, clock, ask: apiClient(double.url) }
}

const DROPLET = { name: 'web', region: 'fra1', size: 's-1vcpu-1gb', image: 'debian-12-x64' }

void t.test('a droplet is made, booted, stopped, found by its tag and destroyed', async (t) => {
  const { double, clock, ask } = await digitalOcean(t)
  const made = await ask('POST', '/v2/droplets', {
    ...DROPLET,
    tags: ['tsmachine'],
    user_data: '#cloud-config\n{}',
  })
  t.equal(made.status, 202)
  const id = (made.body['droplet'] as { id: number }).id
  t.same((await ask('POST', `/v2/droplets/${id}/actions`, { type: 'shutdown' })).body, {
    id: 'unprocessable_entity',
    message: 'Droplet already has a pending event.',
    request_id: '00000000-0000-4000-8000-000000000000',
  })
  clock.advance(1_000)
  await new Promise(setImmediate)
  const seen = await ask('GET', '/v2/droplets?tag_name=tsmachine&per_page=200')
  const [droplet] = seen.body['droplets'] as { status: string; networks: { v4: unknown[] } }[]
  t.match(droplet, {
    status: 'active',
    networks: { v4: [{ type: 'private' }, { type: 'public', ip_address: /^127\./ }] },
  })
  const stop = await ask('POST', `/v2/droplets/${id}/actions`, { type: 'shutdown' })
  t.match(stop, { status: 201, body: { action: { status: 'in-progress', type: 'shutdown' } } })
  clock.advance(1_000)
  const action = (stop.body['action'] as { id: number }).id
  t.match((await ask('GET', `/v2/actions/${action}`)).body, { action: { status: 'completed' } })
  t.match((await ask('GET', `/v2/droplets/${id}`)).body, { droplet: { status: 'off' } })
  t.equal((await ask('DELETE', `/v2/droplets/${id}`)).status, 204)
  t.equal((await ask('GET', `/v2/droplets/${id}`)).status, 404)
  t.same(double.inventory(), [])
  t.same(double.unusedTags(), ['tsmachine'])
})

void t.test('a request that the description refuses is refused', async (t) => {
  const { double, ask } = await digitalOcean(t)
  const bad = await ask('POST', '/v2/droplets', { ...DROPLET, name: 'no_good name' })
  t.match(bad, { status: 422, body: { id: 'unprocessable_entity', message: /name must match pattern/ } })
  t.equal((await ask('POST', '/v2/droplets', { name: 'web' })).status, 422, 'what is missing')
  t.equal((await ask('GET', '/v2/droplets?perpage=3')).status, 422, 'a parameter that there is not')
  t.match(await ask('GET', '/v2/nothing'), { status: 404, body: { id: 'not_found' } })
  t.same(double.inventory(), [])
})

void t.test('refusals come in the words of the provider', async (t) => {
  const { double, ask } = await digitalOcean(t, { tokens: { reader: { readOnly: true } } })
  const messageOf = async (change: object): Promise<unknown> =>
    (await ask('POST', '/v2/droplets', { ...DROPLET, ...change })).body['message']
  t.match(await messageOf({ size: 's-99' }), /invalid size/)
  t.match(await messageOf({ region: 'mars1' }), /invalid region/)
  t.match(await messageOf({ image: 'debian-1' }), /invalid image/)
  t.match(await messageOf({ ssh_keys: [17] }), /17 are invalid key identifiers/)
  t.match(await messageOf({ user_data: 'x'.repeat(65_537) }), /64KiB/)
  double.conditions.quota = 0
  t.match(await messageOf({}), /exceed your droplet limit/)
  double.conditions.capacity = 0
  t.match(await messageOf({}), /not available in this region/)
  t.equal((await ask('POST', '/v2/account/keys', { name: 'a', public_key: KEY })).status, 201)
  t.match(await ask('POST', '/v2/account/keys', { name: 'b', public_key: `${KEY} other` }), {
    status: 422,
    body: { message: 'SSH Key is already in use on your account' },
  })
  const read = apiClient(double.url, 'reader')
  t.equal((await read('GET', '/v2/account')).status, 200)
  t.match(await read('POST', '/v2/tags', { name: 'x' }), { status: 403, body: { id: 'Forbidden' } })
  t.match(await apiClient(double.url, 'wrong')('GET', '/v2/account'), { status: 401 })
})

void t.test('lists come in pages', async (t) => {
  const { ask } = await digitalOcean(t)
  for (let i = 0; i < 5; i += 1) await ask('POST', '/v2/tags', { name: `tag-${i}` })
  const { body } = await ask('GET', '/v2/tags?per_page=2&page=2')
  t.match(body, {
    tags: [{ name: 'tag-2' }, { name: 'tag-3' }],
    meta: { total: 5 },
    links: { pages: { prev: /page=1/, next: /page=3/, last: /page=3/ } },
  })
  const last = await ask('GET', '/v2/tags?per_page=2&page=3')
  t.notMatch(last.body, { links: { pages: { next: /./ } } })
})

void t.test('the rate limit holds for a minute and for an hour', async (t) => {
  const { ask, clock } = await digitalOcean(t)
  for (let i = 0; i < 250; i += 1) await ask('GET', '/v2/account')
  const refused = await ask('GET', '/v2/account')
  t.match(refused, { status: 429, body: { id: 'too_many_requests' } })
  t.equal(refused.headers.get('retry-after'), '60')
  t.equal(refused.headers.get('ratelimit-remaining'), '4750')
  clock.advance(60_000)
  t.equal((await ask('GET', '/v2/account')).status, 200)
})

void t.test('faults hit the request that they are meant for', async (t) => {
  const { double, ask } = await digitalOcean(t)
  double.fail({ operation: 'tags_create', after: 1, kind: 'drop-after' })
  double.fail({ operation: 'tags_list', times: 2, kind: 'status', status: 503, retryAfterSeconds: 7 })
  t.equal((await ask('POST', '/v2/tags', { name: 'one' })).status, 201)
  await t.rejects(ask('POST', '/v2/tags', { name: 'two' }))
  const busy = await ask('GET', '/v2/tags')
  t.match({ status: busy.status, wait: busy.headers.get('retry-after') }, { status: 503, wait: '7' })
  t.equal((await ask('GET', '/v2/tags')).status, 503)
  t.match((await ask('GET', '/v2/tags')).body, { tags: [{ name: 'one' }, { name: 'two' }] })
  t.match(double.counts(), { tags_create: 2, tags_list: 3 })
})

void t.test('a firewall opens ports to whom it names, by tag', async (t) => {
  const { double, ask } = await digitalOcean(t)
  await ask('POST', '/v2/droplets', { ...DROPLET, tags: ['fw'] })
  t.same(double.reachable('web', '10.0.2.2'), [22, 2376], 'without a firewall')
  const all = ['0.0.0.0/0', '::/0']
  const rule = (ports: string, addresses: string[]) => ({ protocol: 'tcp', ports, sources: { addresses } })
  const out = [{ protocol: 'tcp', ports: 'all', destinations: { addresses: all } }]
  const wanted = { name: 'fw', tags: ['fw'], inbound_rules: [rule('22', all)], outbound_rules: out }
  t.match(await ask('POST', '/v2/firewalls', { ...wanted, tags: ['unknown'] }), { status: 422 })
  const made = await ask('POST', '/v2/firewalls', wanted)
  t.equal(made.status, 202)
  t.same(double.reachable('web', '10.0.2.2'), [22])
  const id = (made.body['firewall'] as { id: string }).id
  const narrow = [rule('22', ['10.0.2.2']), rule('2376', ['10.0.2.0/24'])]
  await ask('PUT', `/v2/firewalls/${id}`, { ...wanted, inbound_rules: narrow })
  t.same(double.reachable('web', '10.0.2.2'), [22, 2376])
  t.same(double.reachable('web', '198.51.100.7'), [])
  t.match(await ask('POST', '/v2/firewalls', wanted), { status: 409, body: { message: 'duplicate name' } })
})
