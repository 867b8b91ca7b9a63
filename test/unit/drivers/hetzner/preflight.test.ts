import t, { type Test } from 'tap'
import type { PreflightFault } from '../../../../src/contracts/driver.js'
import { apiClient } from '../../../helpers/api-client.js'
import { hetznerBench } from '../../../helpers/hetzner-bench.js'

const READER = 'read-only-token'

/** Each pattern fits one fault, message and hint together. */
function faultsAre(t: Test, faults: readonly PreflightFault[], patterns: readonly RegExp[]): void {
  const texts = faults.map(({ message, hint = '' }) => `${message} | ${hint}`)
  t.equal(texts.length, patterns.length, texts.join('\n'))
  for (const pattern of patterns)
    t.ok(
      texts.some((text) => pattern.test(text)),
      `${pattern} in ${texts.join('\n')}`,
    )
}

t.test('nothing is wrong, in few calls, and many machines share the answers', async (t) => {
  const { double, open, machine } = await hetznerBench(t)
  const driver = await open()
  const signal = AbortSignal.timeout(30_000)
  t.strictSame(await driver.preflight(machine('a').spec, signal), [])
  t.strictSame(double.counts(), {
    create_ssh_key: 1,
    list_server_types: 1,
    list_locations: 1,
    list_images: 1,
    list_servers: 1,
  })
  const all = await Promise.all(['b', 'c', 'd'].map((name) => driver.preflight(machine(name).spec, signal)))
  t.strictSame(all, [[], [], []])
  t.equal(double.count(), 8, 'one more for each: its name')
  for (const name of ['e', 'f', 'g']) t.strictSame(await driver.preflight(machine(name).spec, signal), [])
  t.equal(double.count(), 8, 'more names are looked for in one list')
  t.strictSame(double.inventory(), [], 'nothing was made')
})

t.test('a token that is unknown is the only fault', async (t) => {
  const { preflight } = await hetznerBench(t)
  faultsAre(t, await preflight({ 'hetzner-api-token': 'x', 'hetzner-server-type': 'zx' }), [
    /unable to authenticate .*401, unauthorized.* \| .*API tokens.*HETZNER_API_TOKEN/,
  ])
})

t.test('an endpoint where nobody listens is told once', async (t) => {
  const { preflight } = await hetznerBench(t)
  faultsAre(t, await preflight({ 'hetzner-endpoint': 'http://127.0.0.1:9/v1', 'hetzner-networks': ['x'] }), [
    /Cannot reach Hetzner at http:\/\/127\.0\.0\.1:9\/v1/,
  ])
})

t.test('a token that may only read is told before anything is made', async (t) => {
  const { preflight } = await hetznerBench(t, { tokens: { [READER]: { readOnly: true } } })
  faultsAre(t, await preflight({ 'hetzner-api-token': READER }), [
    /only allowed to perform GET.* \| .*Read & Write/,
  ])
})

t.test('what is unknown is named with what is near and what it costs, all at once', async (t) => {
  const { preflight } = await hetznerBench(t)
  faultsAre(
    t,
    await preflight({
      'hetzner-server-location': 'fns1',
      'hetzner-image': 'debian-31',
      'hetzner-networks': ['nowhere'],
      'hetzner-volumes': ['4711'],
      'hetzner-firewalls': ['none'],
      'hetzner-primary-ipv4': '192.0.2.9',
      'hetzner-placement-group': '99',
    }),
    [
      /no location "fns1" \| Did you mean fsn1\? Locations: fsn1 \(Falkenstein\)/,
      /no image "debian-31" \| Did you mean debian-13\?/,
      /no network "nowhere" \| .*its own project/,
      /no volume "4711"/,
      /no firewall "none"/,
      /no primary ip "192.0.2.9"/,
      /no placement group "99"/,
    ],
  )
  faultsAre(t, await preflight({ 'hetzner-server-type': 'cx32' }), [
    /no server type "cx32" \| Sold anywhere: cpx32 \(4 CPUs.* cx23 \(2 CPUs, 4 GB, amd64, \d+\.\d\d EUR a month in fsn1\)/,
  ])
})

t.test('a server type that is not sold there, and an image of another architecture', async (t) => {
  const { preflight } = await hetznerBench(t)
  faultsAre(t, await preflight({ 'hetzner-server-location': 'ash' }), [
    /Server type cx23 is not sold in ash now \| Sold in ash: .*cpx11 .*EUR a month in ash.*cx23 is sold in fsn1, nbg1, hel1/,
  ])
  t.strictSame(await preflight({ 'hetzner-server-type': 'cax11' }), [], 'arm64: the same image name')
  faultsAre(t, await preflight({ 'hetzner-image-arch': 'arm' }), [
    /Image debian-13 is for .*asked for is arm, server type cx23 is x86 \| cax types are arm/,
  ])
  faultsAre(t, await preflight({ 'hetzner-image-id': '310557661' }), [
    /Image 310557661 is for arm, server type cx23 is x86/,
  ])
})

t.test('a name that is taken, and user data that is too large', async (t) => {
  const { double, preflight } = await hetznerBench(t)
  const ask = apiClient(double.url)
  await ask('POST', '/servers', { name: 'web', server_type: 'cx23', image: 'debian-12' })
  const userData = `#cloud-config\n${' '.repeat(40_000)}`
  faultsAre(t, await preflight({}, { seed: { metaData: '', userData } }), [
    /has a server "web" already .*unique in a project \| .*another name/,
    /user data has 400\d\d bytes, Hetzner takes 32768/,
  ])
})

t.test('volumes and addresses that are elsewhere or taken, a group that is full', async (t) => {
  const { double, preflight } = await hetznerBench(t)
  const ask = apiClient(double.url)
  await ask('POST', '/volumes', { name: 'far', size: 10, location: 'hel1' })
  await ask('POST', '/primary_ips', { name: 'six', type: 'ipv6', location: 'fsn1', assignee_type: 'server' })
  await ask('POST', '/placement_groups', { name: 'full', type: 'spread' })
  const group = [...double.project.placementGroups.values()][0]?.id
  for (let each = 0; each < 10; each++)
    await ask('POST', '/servers', {
      ...{ name: `s${each}`, server_type: 'cx23', image: 'debian-12', placement_group: group },
    })
  const given = {
    'hetzner-server-location': 'fsn1',
    'hetzner-volumes': ['far'],
    'hetzner-primary-ipv4': 'six',
    'hetzner-placement-group': 'full',
  }
  faultsAre(t, await preflight(given), [
    /Volume far is in hel1, the server would be in fsn1 \| --hetzner-server-location hel1/,
    /Primary IP six is ipv6 \| --hetzner-primary-ipv6 six/,
    /Placement group full has 10 servers/,
  ])
})

t.test('the key of the project is the one of the file', async (t) => {
  const { double, preflight } = await hetznerBench(t)
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKvWMYR1EqCLm5cBvUs3rcz5YmT5BjKmcRB8Vf6wzpX me'
  await apiClient(double.url)('POST', '/ssh_keys', { name: 'mine', public_key: key })
  const id = String([...double.project.keys.keys()][0])
  const given = { 'hetzner-existing-key-id': id, 'hetzner-existing-key-path': '/k' }
  t.strictSame(await preflight(given, { sshPublicKey: key }), [])
  faultsAre(t, await preflight(given, { sshPublicKey: `ssh-ed25519 ${'A'.repeat(68)} x` }), [
    /remote key \d+ \(mine\) does not match local key \/k/,
  ])
})
