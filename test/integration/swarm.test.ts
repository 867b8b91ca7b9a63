/** Classic swarm without a VM: the provider double, a real sshd with scripted answers, an engine whose API is a double. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { swarmChoices, type SwarmFlagValues } from '../../src/cli/swarm-flags.js'
import { clientConfig } from '../../src/machine/client-config.js'
import { createMachine } from '../../src/machine/create.js'
import { envVariables } from '../../src/machine/env.js'
import { provisionMachine } from '../../src/machine/provision.js'
import { EngineContainers } from '../doubles/engine-containers.js'
import { FakeEngine } from '../doubles/engine.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { scriptedHost } from '../helpers/scripted-host.js'
import { freePort } from '../helpers/sshd.js'

async function bench(t: Test, flags: SwarmFlagValues) {
  const dir = scratchDir(t)
  const host = await scriptedHost(t, machineContext({ dir }))
  const containers = new EngineContainers(host.engine)
  containers.images.add('swarm:latest')
  const ctx = machineContext({
    dir,
    env: { HOME: dir, DOCKER_CONFIG: join(dir, 'docker') },
    factories: { fake: hostedFactory(host.hosting) },
  })
  const flagValues = fakeFlags(new FakeProvider(join(dir, 'provider')).dir)
  const swarm = swarmChoices(flags, {})
  const options = { ...machineOptions({ env: ['A=b c'] }), ...(swarm ? { swarm } : {}) }
  const create = () => createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options })
  return { ctx, host, containers, create, config: () => ctx.store.get('web').config }
}

const MASTER: SwarmFlagValues = {
  swarm: true,
  'swarm-master': true,
  'swarm-discovery': 'token://abc',
  'swarm-opt': ['heartbeat=5s'],
  'swarm-join-opt': ['ttl=10s'],
  'swarm-experimental': true,
}

t.test('a master and agent gets both containers, its record and a certificate for both roles', async (t) => {
  const { ctx, containers, create, config } = await bench(t, MASTER)
  await create()
  const tls = ['ca', 'cert', 'key'].map(
    (what, index) =>
      `--tls${what}${index ? '' : 'cert'}=/etc/docker/${['ca', 'server', 'server-key'][index]}.pem`,
  )
  t.match(containers.made.get('swarm-agent-master'), {
    Config: {
      Image: 'swarm:latest',
      Env: ['A=b c', 'PATH=/bin'],
      Cmd: [
        ...[
          '--experimental',
          'manage',
          '--tlsverify',
          ...tls,
          '-H',
          'tcp://0.0.0.0:3376',
          '--strategy',
          'spread',
        ],
        ...['--advertise', '127.0.0.1:3376', '--heartbeat=5s', 'token://abc'],
      ],
    },
    HostConfig: {
      Binds: ['/etc/docker:/etc/docker'],
      RestartPolicy: { Name: 'always' },
      PortBindings: { '3376/tcp': [{ HostIp: '0.0.0.0', HostPort: '3376' }] },
    },
    State: { Running: true },
  })
  t.same(containers.made.get('swarm-agent')?.Config.Cmd, [
    ...['--experimental', 'join', '--advertise', '127.0.0.1:2376', '--ttl=10s', 'token://abc'],
  ])
  t.match(config(), {
    Driver: { SwarmMaster: true, SwarmHost: 'tcp://0.0.0.0:3376', SwarmDiscovery: 'token://abc' },
    HostOptions: {
      SwarmOptions: {
        IsSwarm: true,
        Agent: true,
        Master: true,
        Strategy: 'spread',
        ArbitraryFlags: ['heartbeat=5s'],
        ArbitraryJoinFlags: ['ttl=10s'],
        IsExperimental: true,
      },
    },
  })
  const server = new X509Certificate(readFileSync(join(ctx.store.dir('web'), 'server.pem')))
  t.same(server.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
})

t.test('provision leaves what is right alone, starts what stopped and replaces what differs', async (t) => {
  const { ctx, host, containers, create } = await bench(t, MASTER)
  await create()
  const writes = () => host.engine.requests.filter((line) => /^(POST|DELETE)/.test(line))
  const before = writes().length
  await provisionMachine(ctx, 'web')
  t.equal(writes().length, before)
  const agent = containers.made.get('swarm-agent')
  if (agent) agent.State.Running = false
  await provisionMachine(ctx, 'web')
  t.same(writes().slice(before), ['POST /containers/swarm-agent/start'])
  containers.made.get('swarm-agent-master')?.Config.Cmd.push('else')
  await provisionMachine(ctx, 'web')
  t.same(writes().slice(before + 1), [
    'DELETE /containers/swarm-agent-master?force=true',
    'POST /containers/create?name=swarm-agent-master',
    'POST /containers/swarm-agent-master/start',
  ])
})

t.test('the image is pulled only where it is missing; nowhere to be had, the error says so', async (t) => {
  const { ctx, containers, create } = await bench(t, { swarm: true, 'swarm-discovery': 'token://abc' })
  containers.images.clear()
  await t.rejects(create(), {
    code: 'engine',
    stage: 'swarm',
    message: /swarm:latest is not on the host and cannot be pulled: pull access denied/,
  })
  containers.registry.add('swarm:latest')
  await provisionMachine(ctx, 'web')
  t.same([...containers.made.keys()], ['swarm-agent'])
  t.ok(ctx.store.get('web').ledger?.stepsDone.includes('swarm'))
})

t.test(
  'config and env lead to the manager; one that does not run is told from bad certificates',
  async (t) => {
    const port = await freePort()
    const host = `tcp://0.0.0.0:${port}`
    const made = await bench(t, { ...MASTER, 'swarm-host': host })
    const { ctx, create } = made
    await create()
    const url = `tcp://127.0.0.1:${port}`
    const { variables } = await envVariables(ctx, 'web', { swarm: true })
    t.equal(new Map(variables).get('DOCKER_HOST'), url)
    await t.rejects(clientConfig(ctx, 'web', { swarm: true }), {
      message:
        'Error running connection boilerplate: Connection to Swarm cannot be checked but the certs are valid. Maybe swarm is not started',
    })
    const read = (name: string) => readFileSync(join(ctx.store.dir('web'), name), 'utf8')
    const manager = await FakeEngine.start({
      ...{ ca: read('ca.pem'), cert: read('server.pem'), key: read('server-key.pem'), port },
    })
    t.teardown(() => manager.stop())
    manager.failWith = 500
    t.match(await clientConfig(ctx, 'web', { swarm: true }), { url })
  },
)

t.test('who is no master has no such port', async (t) => {
  const { ctx, create } = await bench(t, { swarm: true, 'swarm-discovery': 'token://abc' })
  await create()
  const text = '"web" is not a swarm master. The --swarm flag is intended for use with swarm masters'
  await t.rejects(clientConfig(ctx, 'web', { swarm: true }), {
    message: `Error running connection boilerplate: ${text}`,
  })
  await t.rejects(envVariables(ctx, 'web', { swarm: true }), {
    message: `Error checking TLS connection: ${text}`,
  })
})

t.test(
  'wrong URLs are refused in docker-machine’s words, and without a flag nothing is chosen',
  async (t) => {
    t.throws(() => swarmChoices({ 'swarm-discovery': 'abc' }, {}), {
      message: 'Error parsing swarm discovery: Swarm Discovery URL was in the wrong format: abc',
    })
    t.throws(() => swarmChoices({ 'swarm-host': 'tcp://0.0.0.0' }, {}), { code: 'usage' })
    t.equal(swarmChoices({}, { MACHINE_SWARM_IMAGE: 'mine' }), undefined)
    t.match(swarmChoices({ swarm: true }, { MACHINE_SWARM_IMAGE: 'mine' }), {
      image: 'mine',
      agent: true,
      master: false,
    })
  },
)
