import t, { type Test } from 'tap'
import type { FlagValues } from '../../../../src/contracts/driver.js'
import { apiClient } from '../../../helpers/api-client.js'
import { type BenchMachine, hetznerBench, type HetznerBench } from '../../../helpers/hetzner-bench.js'
import { NEVER } from '../../../helpers/never.js'

async function made(
  bench: HetznerBench,
  name: string,
  given: FlagValues = {},
): Promise<{ machine: BenchMachine; texts: string[] }> {
  const machine = bench.machine(name, given)
  const driver = await bench.open()
  return { machine, texts: await machine.record(driver.create(machine.spec, NEVER)) }
}

async function removed(t: Test, bench: HetznerBench, machine: BenchMachine): Promise<void> {
  await machine.record((await bench.open()).remove(machine.machine, NEVER))
  t.strictSame(machine.resources, [])
}

t.test('create says what it costs, gives a key so that no password is mailed, and labels', async (t) => {
  const bench = await hetznerBench(t)
  const { machine, texts } = await made(bench, 'web', { 'hetzner-server-label': ['team=a'] })
  t.match(texts[0], /^Server type cx23: \d\.\d\d EUR a month in fsn1$/)
  const [server] = bench.double.project.servers.values()
  t.match(server?.labels, { team: 'a', tsmachine: 'true', 'tsmachine-name': 'web' })
  t.match([...bench.double.project.keys.values()], [{ labels: { 'tsmachine-store': 'f'.repeat(32) } }])
  t.strictSame(bench.double.reachable('web', '198.51.100.7'), [22], 'the engine is shut')
  t.match((await bench.open()).endpoint(machine.machine), {
    ssh: { user: 'root', port: 22 },
    enginePort: 2376,
  })
  await removed(t, bench, machine)
  t.strictSame(bench.double.inventory(), [])
})

t.test('access moves a server between shared firewalls, and no moment is without one', async (t) => {
  const bench = await hetznerBench(t)
  const driver = await bench.open()
  const [one, two] = [(await made(bench, 'one')).machine, (await made(bench, 'two')).machine]
  const mine = { ssh: ['198.51.100.7/32'], engine: ['198.51.100.7/32'] }
  for (const { machine } of [one, two])
    t.equal(machine.resources.filter(({ kind }) => kind === 'firewall').length, 1)
  bench.double.onActed = ({ path }) => {
    if (path.includes('/firewalls/'))
      t.notSame(bench.double.reachable('one', '203.0.113.9'), [22, 2376], 'never open to others')
  }
  await one.record(driver.setAccess?.(one.machine, mine, NEVER))
  t.strictSame(bench.double.reachable('one', '198.51.100.7'), [22, 2376])
  t.strictSame(bench.double.reachable('one', '203.0.113.9'), [])
  t.strictSame(bench.double.reachable('two', '203.0.113.9'), [22], 'the other one is where it was')
  t.equal(bench.double.project.firewalls.size, 2)
  await two.record(driver.setAccess?.(two.machine, mine, NEVER))
  t.equal(bench.double.project.firewalls.size, 1, 'both share one, the old one is gone')
  await two.record(driver.setAccess?.(two.machine, mine, NEVER))
  bench.double.onActed = () => undefined
  await removed(t, bench, one)
  t.equal(bench.double.project.firewalls.size, 1)
  await removed(t, bench, two)
  t.strictSame(bench.double.inventory(), [])
})

t.test('labels of others stay, and a fingerprint can be read again', async (t) => {
  const bench = await hetznerBench(t)
  const { machine } = await made(bench, 'web')
  const id = machine.resources.find(({ kind }) => kind === 'server')?.id ?? ''
  const [server] = bench.double.project.servers.values()
  await apiClient(bench.double.url)('PUT', `/servers/${id}`, { labels: { ...server?.labels, theirs: 'x' } })
  const hostKey = `SHA256:${'a+/'.repeat(3)}${'b'.repeat(34)}`
  const driver = await bench.open()
  await driver.label?.(machine.machine, { 'tsmachine-host-key': hostKey }, NEVER)
  t.match(server?.labels, { theirs: 'x', 'tsmachine-name': 'web' })
  const { storeId, config } = machine.machine
  const found = (await driver.inventory?.({ storeId, config }, NEVER)) ?? []
  t.match(
    found.find(({ name }) => name === 'web'),
    {
      resource: { kind: 'server', id, tags: { 'tsmachine-host-key': hostKey, 'tsmachine-store': storeId } },
      ...{ state: 'Running', monthlyPrice: { currency: 'EUR' }, createdAt: /^20/ },
    },
  )
  t.strictSame(
    found.filter(({ shared }) => shared).map(({ resource }) => resource.kind),
    ['ssh-key', 'firewall'],
  )
  await removed(t, bench, machine)
})

t.test('arm64, IPv6 only, and a private network alone', async (t) => {
  const bench = await hetznerBench(t)
  const ask = apiClient(bench.double.url)
  await ask('POST', '/networks', { name: 'lan', ip_range: '10.7.0.0/16' })
  const endpoint = async (machine: BenchMachine): Promise<string> =>
    (await bench.open()).endpoint(machine.machine).address
  const arm = await made(bench, 'arm', { 'hetzner-server-type': 'cax11' })
  t.equal([...bench.double.project.servers.values()][0]?.image.architecture, 'arm')
  const six = await made(bench, 'six', { 'hetzner-disable-public-ipv4': true })
  t.match(await endpoint(six.machine), /^2001:db8:[0-9a-f]+::1$/)
  const hidden = await made(bench, 'hidden', {
    ...{ 'hetzner-disable-public': true, 'hetzner-networks': ['lan'] },
  })
  t.match(await endpoint(hidden.machine), /^10\.7\./)
  t.notOk(
    hidden.machine.resources.some(({ kind }) => kind === 'firewall'),
    'firewalls know public addresses only',
  )
  for (const { machine } of [arm, six, hidden]) await removed(t, bench, machine)
  t.match(bench.double.inventory(), [/^network lan/])
})

t.test('what cannot be made says why and what helps', async (t) => {
  const bench = await hetznerBench(t)
  const { conditions } = bench.double
  const fails = async (
    given: FlagValues,
    wanted: { code?: string; message: RegExp; hints?: RegExp[] },
  ): Promise<void> => {
    const machine = bench.machine('web', given)
    const driver = await bench.open()
    await t.rejects(machine.record(driver.create(machine.spec, NEVER)), wanted)
    await removed(t, bench, machine)
  }
  conditions.capacity = 0
  await fails(
    { 'hetzner-server-location': 'fsn1' },
    {
      code: 'driver',
      message: /error during placement .*resource_unavailable/,
      hints: [/no room for cx23 in fsn1/, /--hetzner-server-location nbg1, --hetzner-server-location hel1/],
    },
  )
  Object.assign(conditions, { capacity: Infinity, quota: 0 })
  await fails({}, { message: /server limit exceeded/, hints: [/limit of the account.*tsmachine gc/] })
  conditions.quota = Infinity
  await apiClient(bench.double.url)('POST', '/servers', {
    name: 'web',
    server_type: 'cx23',
    image: 'debian-12',
  })
  await fails(
    {},
    { message: /server name is already used/, hints: [/already/, /"web" that is not this machine/] },
  )
  t.match(bench.double.inventory(), [/^server web/, /^primary ip/, /^primary ip/])
})

t.test('a server that dies while it boots is told with the words of its action', async (t) => {
  const bench = await hetznerBench(t)
  bench.double.conditions.diesBooting = 1
  const machine = bench.machine('web')
  const driver = await bench.open()
  await t.rejects(machine.record(driver.create(machine.spec, NEVER)), {
    code: 'driver',
    message: /Server \d+ failed: .*did not boot/,
  })
  await removed(t, bench, machine)
  t.strictSame(bench.double.inventory(), [])
})

t.test(
  'a server that was never asked for, as far as anybody knows, is asked for again: names are unique',
  async (t) => {
    const bench = await hetznerBench(t)
    bench.double.fail({ operation: 'create_server', kind: 'drop-before' })
    const { machine } = await made(bench, 'web')
    t.equal(bench.double.count('create_server'), 2)
    t.equal(bench.double.project.servers.size, 1)
    await removed(t, bench, machine)
  },
)

t.test('keys: one that others have put there is used and left, uploaded ones go', async (t) => {
  const bench = await hetznerBench(t)
  const theirs = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKvWMYR1EqCLm5cBvUs3rcz5YmT5BjKmcRB8Vf6wzpX theirs'
  const more = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} more`
  await apiClient(bench.double.url)('POST', '/ssh_keys', { name: 'another name', public_key: theirs })
  const { machine } = await made(bench, 'web', { 'hetzner-additional-key': [theirs, more] })
  t.equal(bench.double.project.keys.size, 3, 'the placeholder, theirs and one more')
  await removed(t, bench, machine)
  t.match(bench.double.inventory(), [/^ssh key another name/])
})

t.test('a server of the community driver: state, stop, start, rm', async (t) => {
  const bench = await hetznerBench(t)
  const ask = apiClient(bench.double.url)
  const key = { name: 'web', public_key: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'B'.repeat(43)} web` }
  const { ssh_key } = (await ask('POST', '/ssh_keys', key)).body as { ssh_key: { id: number } }
  const body = { name: 'web', server_type: 'cx23', image: 'debian-12', ssh_keys: ['web'] }
  const { server } = (await ask('POST', '/servers', body)).body as { server: { id: number } }
  const machine = bench.machine('web')
  const driver = await bench.open()
  machine.resources = [
    { kind: 'ssh-key', key: String(ssh_key.id), id: String(ssh_key.id), state: 'made' },
    { kind: 'server', key: 'web', id: String(server.id), state: 'made' },
  ]
  await bench.double.timeline.clock.sleep(2_000)
  t.match(await driver.states([machine.machine], NEVER), [{ state: 'Running' }])
  await machine.record(driver.stop?.(machine.machine, NEVER))
  t.match(await driver.states([machine.machine], NEVER), [{ state: 'Stopped' }])
  bench.double.conditions.changesAddress = true
  await machine.record(driver.start?.(machine.machine, undefined, NEVER))
  t.match(driver.endpoint(machine.machine), { address: /^127\./ })
  await removed(t, bench, machine)
  t.strictSame(bench.double.inventory(), [])
})
