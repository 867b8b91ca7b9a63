/** A served driver with a host behind it: a real sshd whose key is the one that user data gave it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { STAGES } from '../../src/contracts/events.js'
import { DOCKER_MACHINE_PROFILE } from '../../src/contracts/profile.js'
import { PLUGIN_STATES } from '../../src/drivers/plugin/wire/plugin-api.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { hostedFactory } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { scriptedHost } from '../helpers/scripted-host.js'
import { ServedHost } from '../helpers/served-host.js'

async function bench(t: Test) {
  const dir = scratchDir(t)
  const remote = await scriptedHost(t, machineContext({ dir }))
  const provider = new FakeProvider(join(dir, 'provider'))
  const env = { HOME: dir, DOCKER_CONFIG: join(dir, 'docker') }
  const factory = hostedFactory(remote.hosting)
  const host = new ServedHost(factory, 'web', { dir, env, profile: DOCKER_MACHINE_PROFILE })
  return { dir, remote, provider, host, flags: { 'fake-dir': provider.dir, 'fake-disk': { int: 10 } } }
}

t.test(
  'Create ends when SSH answers with a key that the host has made itself, and ports are open',
  async (t) => {
    const { host, remote, provider, flags } = await bench(t)
    await host.create(flags)
    const { hostKeys, ssh, phase, stepsDone } = host.ledger()
    t.match(hostKeys, { source: 'given', rotated: true })
    const live = readFileSync(join(remote.sshd.dir, 'host_ed25519.pub'), 'utf8')
    t.ok(live.startsWith(hostKeys?.current ?? 'none'))
    t.same({ phase, stepsDone }, { phase: 'ready', stepsDone: STAGES })
    t.notOk(remote.calls().includes('apply'), 'nothing was provisioned')
    t.match(provider.read().firewalls[0]?.rules, {
      ssh: ['0.0.0.0/0', '::/0'],
      engine: ['0.0.0.0/0', '::/0'],
    })
    const next = await host.again()
    const { handlers } = next
    t.equal(await handlers.GetSSHHostname(undefined), '127.0.0.1')
    t.equal(await handlers.GetSSHPort(undefined), remote.hosting.sshPort)
    t.equal(await handlers.GetSSHUsername(undefined), ssh?.user)
    const key = await handlers.GetSSHKeyPath(undefined)
    t.equal(key, join(host.dir, 'id_rsa'))
    t.ok(existsSync(key))
    t.equal(existsSync(join(host.dir, 'host_key')), false)
    t.match(await handlers.GetURL(undefined), `tcp://127.0.0.1:${remote.hosting.enginePort}`)
    t.equal(await handlers.GetState(undefined), PLUGIN_STATES.indexOf('Running'))
    t.match(await next.state(), { SSHUser: ssh?.user, SSHKeyPath: key, MachineName: 'web' })
    await next.remove()
    t.same(provider.leftovers(), [])
  },
)

t.test('a host with another key than the given one is not logged in to, and Create says so', async (t) => {
  const { host, remote, provider, flags } = await bench(t)
  // Its first boot has been: it does not take the key of the user data.
  writeFileSync(join(remote.sshd.dir, 'seeded'), '')
  await t.rejects(host.create(flags), /host key/i)
  t.equal(host.ledger().phase, 'failed')
  await (await host.again()).remove()
  t.same(provider.leftovers(), [])
})
