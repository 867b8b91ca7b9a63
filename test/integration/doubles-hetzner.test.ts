// The double of Hetzner's Cloud API: what the vendor's own command line client makes of it, and its refusals.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type DoubleOptions, TOKEN } from '../doubles/cloud/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { apiClient } from '../helpers/api-client.js'
import { FakeClock } from '../helpers/fake-clock.js'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKvWMYR1EqCLm5cBvUs3rcz5YmT5BjKmcRB8Vf6wzpX test'
const SERVER = { name: 'web', server_type: 'cx23', image: 'debian-12', location: 'fsn1' }

async function hetzner(t: Test, options: DoubleOptions = {}) {
  const double = await HetznerDouble.start(options)
  t.teardown(async () => {
    await double.close()
    // Every answer must fit the description.
    if (double.violations.length > 0) throw new Error(double.violations.join('\n'))
  })
  return { double, ask: apiClient(double.url) }
}

void t.test('hcloud understands the double: keys, a server, its power, a firewall', async (t) => {
  const { double } = await hetzner(t, { times: { boot: 20, power: 10, remove: 10 } })
  const home = t.testdir()
  const keyFile = join(home, 'key.pub')
  writeFileSync(keyFile, KEY)
  const hcloud = async (...words: string[]): Promise<string> => {
    const env = {
      PATH: process.env['PATH'],
      HCLOUD_ENDPOINT: double.url,
      HCLOUD_TOKEN: TOKEN,
      HOME: home,
    }
    const { stdout } = await promisify(execFile)('hcloud', ['--poll-interval', '20ms', ...words], { env })
    return stdout
  }
  t.match(await hcloud('ssh-key', 'create', '--name', 'mine', '--public-key-from-file', keyFile), /created/)
  t.match(await hcloud('ssh-key', 'list'), /mine\s+[0-9a-f:]{47}/)
  const wanted = ['--name', 'web', '--type', 'cx23', '--image', 'debian-12', '--location', 'fsn1']
  t.match(await hcloud('server', 'create', ...wanted, '--ssh-key', 'mine', '--label', 'a=b'), /IPv4: 127\./)
  t.match(await hcloud('server', 'list', '--selector', 'a=b'), /web\s+running\s+127\./)
  t.match(await hcloud('server', 'describe', 'web'), /Status:\s+running[^]*Type:\s+cx23/)
  t.match(await hcloud('server', 'shutdown', 'web'), /shut down/)
  await t.resolves(hcloud('server', 'poweroff', 'web'))
  t.match(await hcloud('server', 'list'), /web\s+off/)
  await hcloud('server', 'poweron', 'web')
  await hcloud('server', 'reboot', 'web')
  t.match(await hcloud('server', 'list'), /web\s+running/)
  const rule = ['--direction', 'in', '--protocol', 'tcp', '--port', '22', '--source-ips', '0.0.0.0/0']
  await hcloud('firewall', 'create', '--name', 'narrow')
  await hcloud('firewall', 'add-rule', 'narrow', ...rule)
  await hcloud('firewall', 'apply-to-resource', 'narrow', '--type', 'server', '--server', 'web')
  t.match(await hcloud('firewall', 'list'), /narrow\s+1 Rule\s+1 Server/)
  t.same(double.reachable('web', '198.51.100.1'), [22])
  await t.rejects(hcloud('firewall', 'delete', 'narrow'), /still in use/)
  await hcloud('server', 'delete', 'web')
  await hcloud('firewall', 'delete', 'narrow')
  await hcloud('ssh-key', 'delete', 'mine')
  t.same(double.inventory(), [])
})

void t.test('refusals of Hetzner come in its form', async (t) => {
  const { double, ask } = await hetzner(t, { tokens: { reader: { readOnly: true } } })
  const codeOf = async (change: object): Promise<unknown> => {
    const { status, body } = await ask('POST', '/servers', { ...SERVER, ...change })
    return [status, (body['error'] as { code: string }).code]
  }
  t.same(await codeOf({ name: 'no_host' }), [422, 'invalid_input'])
  t.same(await codeOf({ server_type: 'cx22' }), [422, 'invalid_input'], 'retired')
  t.same(await codeOf({ image: 'plan9' }), [422, 'invalid_input'])
  t.same(await codeOf({ labels: { key: 'SHA256:a+b/c' } }), [422, 'invalid_input'])
  t.same(await codeOf({ user_data: 'x'.repeat(32_769) }), [422, 'invalid_input'])
  t.same(await codeOf({ server_type: undefined }), [422, 'invalid_input'], 'by the description')
  double.conditions.capacity = 0
  t.same(await codeOf({}), [412, 'resource_unavailable'])
  double.conditions.quota = 0
  t.same(await codeOf({}), [403, 'resource_limit_exceeded'])
  Object.assign(double.conditions, { capacity: Infinity, quota: Infinity })
  t.match(await ask('POST', '/servers', SERVER), {
    status: 201,
    body: { action: { command: 'create_server' } },
  })
  t.same(await codeOf({}), [409, 'uniqueness_error'])
  t.match(await ask('DELETE', '/servers/1'), { status: 404, body: { error: { code: 'not_found' } } })
  const read = apiClient(double.url, 'reader')
  t.match(await read('POST', '/servers', SERVER), {
    status: 403,
    body: { error: { code: 'token_readonly' } },
  })
  t.match(await apiClient(double.url, 'wrong')('GET', '/servers'), { status: 401 })
})

void t.test('the bucket of requests refills one a second', async (t) => {
  const clock = new FakeClock()
  const { double, ask } = await hetzner(t, { clock })
  const bucket = (double as unknown as { limit: { take(): unknown } }).limit
  for (let i = 0; i < 3600; i += 1) bucket.take()
  const refused = await ask('GET', '/locations')
  t.match(refused, { status: 429, body: { error: { code: 'rate_limit_exceeded' } } })
  t.equal(refused.headers.get('ratelimit-remaining'), '0')
  clock.advance(1_000)
  t.equal((await ask('GET', '/locations')).status, 200)
  t.equal((await ask('GET', '/locations')).status, 429)
})

void t.test('a firewall follows a label, and lists come in pages', async (t) => {
  const { double, ask } = await hetzner(t, { clock: new FakeClock() })
  await ask('POST', '/servers', { ...SERVER, labels: { store: 'one' } })
  const all = ['0.0.0.0/0', '::/0']
  const rules = [{ direction: 'in', protocol: 'tcp', port: '22', source_ips: all }]
  const to = [{ type: 'label_selector', label_selector: { selector: 'store=one' } }]
  t.equal((await ask('POST', '/firewalls', { name: 'fw', rules, apply_to: to })).status, 201)
  t.same(double.reachable('web', '10.0.2.2'), [22])
  for (const name of ['b', 'a', 'c']) await ask('POST', '/placement_groups', { name, type: 'spread' })
  const { body } = await ask('GET', '/placement_groups?per_page=2&page=2&sort=name:desc')
  t.match(body, {
    placement_groups: [{ name: 'a' }],
    meta: { pagination: { page: 2, next_page: null, previous_page: 1, total_entries: 3 } },
  })
})
