/** `--engine-access ssh`, behind a jump host too: a whole create whose engine is reached over SSH alone. */
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { spawnHelper } from '../../src/cli/spawn-helper.js'
import type { DriverFactory, DriverMachine } from '../../src/contracts/driver.js'
import type { MachineOptions } from '../../src/contracts/record.js'
import { machineAddress } from '../../src/machine/address.js'
import { clientConfig } from '../../src/machine/client-config.js'
import { createMachine } from '../../src/machine/create.js'
import { ensureTunnel } from '../../src/machine/engine-tunnel.js'
import { envVariables } from '../../src/machine/env.js'
import { openWithoutSecrets } from '../../src/machine/open.js'
import { removeMachine } from '../../src/machine/remove.js'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { processAlive } from '../../src/util/process.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { poll } from '../helpers/poll.js'
import { machineOptions } from '../helpers/records.js'
import { type ScriptedHost, scriptedHost } from '../helpers/scripted-host.js'
import { startSshd } from '../helpers/sshd.js'

interface Helper {
  readonly pid: number
  readonly startTime: string
}

/** What Docker reads of the contexts below a configuration. */
function contextFiles(dir: string): readonly string[] {
  const meta = join(dir, 'contexts', 'meta')
  return readdirSync(meta).map((id) => readFileSync(join(meta, id, 'meta.json'), 'utf8'))
}

/** The hosted driver, whose engine's own address leads nowhere. */
function shutFactory({ hosting, engine }: ScriptedHost): DriverFactory {
  const factory = hostedFactory(hosting)
  return {
    ...factory,
    async open(deps) {
      const driver = await factory.open(deps)
      const endpoint = driver.endpoint.bind(driver)
      return Object.assign(driver, {
        endpoint: (machine: DriverMachine) => ({
          ...endpoint(machine),
          engine: { host: '127.0.0.1', port: 1 },
          enginePort: engine.port,
        }),
      })
    },
  }
}

async function bench(t: Test, more: { readonly PATH?: string } = {}) {
  const dir = scratchDir(t)
  const env = { HOME: dir, DOCKER_CONFIG: join(dir, 'docker'), ...more }
  const host = await scriptedHost(t, machineContext({ dir }))
  const plain = machineContext({ dir, env, factories: { fake: shutFactory(host) } })
  const ctx = {
    ...plain,
    driverDeps: {
      ...plain.driverDeps,
      spawnHelper: (name: string, args: Parameters<typeof spawnHelper>[1]) =>
        spawnHelper(name, args, { ...env, PATH: process.env['PATH'] }),
    },
  }
  const provider = new FakeProvider(join(dir, 'provider'))
  const create = (options: Partial<MachineOptions>) =>
    createMachine(ctx, {
      name: 'web',
      driver: 'fake',
      flagValues: fakeFlags(provider.dir),
      options: { ...machineOptions(), ...options },
    })
  const helper = (name = 'web') =>
    JSON.parse(readFileSync(join(ctx.store.dir(name), 'engine-tunnel.run.json'), 'utf8')) as Helper
  t.teardown(() => removeMachine(ctx, 'web', { force: true }).catch(() => undefined))
  const moves = () =>
    plain.events.flatMap((event) => (event.type === 'warn' && /^Port /.test(event.text) ? [event.text] : []))
  return { ctx, dir, env, host, create, helper, moves }
}

t.test('the engine is reached through a port of this computer, whose helper is started again', async (t) => {
  const { ctx, create, helper } = await bench(t)
  await create({ engineAccess: 'ssh' })
  const { ledger } = ctx.store.read('web')
  t.match(ledger, { phase: 'ready', engine: { version: /^\d/ } })
  const port = ledger?.engineTunnel?.port
  t.equal((await machineAddress(ctx, 'web')).url, `tcp://127.0.0.1:${port}`)
  const first = helper()
  t.ok(processAlive(first))
  process.kill(first.pid, 'SIGKILL')
  await poll(10_000, () => Promise.resolve(!processAlive(first)))
  t.match(await clientConfig(ctx, 'web'), { url: `tcp://127.0.0.1:${port}`, renewed: false })
  const second = helper()
  t.not(second.pid, first.pid)
  await clientConfig(ctx, 'web')
  t.equal(helper().pid, second.pid, 'one that runs is left alone')
  await removeMachine(ctx, 'web', { force: false })
  await poll(10_000, () => Promise.resolve(!processAlive(second)))
})

/** Ends the helper, as a restart of this computer does. */
async function endHelper({ pid, startTime }: Helper): Promise<void> {
  process.kill(pid, 'SIGKILL')
  await poll(10_000, () => Promise.resolve(!processAlive({ pid, startTime })))
}

t.test('a port that another program has taken is given up: record and context move', async (t) => {
  const { ctx, env, create, helper, moves } = await bench(t, { PATH: process.env['PATH'] ?? '' })
  await create({ engineAccess: 'ssh' })
  const port = ctx.store.get('web').ledger?.engineTunnel?.port ?? 0
  t.match(contextFiles(env.DOCKER_CONFIG), [new RegExp(`tcp://127.0.0.1:${port}"`)])
  await endHelper(helper())
  const foreign = createServer((socket) => socket.end('not yours')).listen(port, '127.0.0.1')
  await once(foreign, 'listening')
  t.teardown(() => foreign.close())
  const { variables } = await envVariables(ctx, 'web')
  const next = ctx.store.get('web').ledger?.engineTunnel?.port ?? 0
  t.not(next, port)
  t.same(variables[1], ['DOCKER_HOST', `tcp://127.0.0.1:${next}`])
  t.match(moves(), [new RegExp(`Port ${port} .*another program's.* ${next}`)])
  t.match(await clientConfig(ctx, 'web'), { url: `tcp://127.0.0.1:${next}`, renewed: false })
  t.match(contextFiles(env.DOCKER_CONFIG), [new RegExp(`tcp://127.0.0.1:${next}"`)])
  t.equal(moves().length, 1, 'it is told once')
})

t.test('of two machines with one port one moves, and neither is taken for the other', async (t) => {
  const { ctx, create, helper, moves } = await bench(t)
  await create({ engineAccess: 'ssh' })
  const { ledger, config } = ctx.store.get('web')
  if (!ledger) throw new Error('no ledger')
  await ctx.store.create('db', { ledger: { ...ledger, machineId: 'd'.repeat(32) }, config }, {})
  t.teardown(() => ctx.store.remove('db'))
  const first = helper()
  const portOf = (name: string) => ctx.store.get(name).ledger?.engineTunnel?.port
  await ensureTunnel(ctx, await openWithoutSecrets(ctx, 'db'))
  t.not(portOf('db'), portOf('web'))
  t.equal(portOf('web'), ledger.engineTunnel?.port, 'the one whose helper runs stays')
  t.match(helper('db'), { port: portOf('db') })
  t.not(helper('db').pid, first.pid)
  await ensureTunnel(ctx, await openWithoutSecrets(ctx, 'web'))
  t.same(helper(), first)
  t.match(moves(), [/another machine's: the engine of db/])
})

t.test('behind a jump host everything goes over SSH', async (t) => {
  const { ctx, dir, create } = await bench(t)
  const own = generateKeyPair('own')
  mkdirSync(join(dir, '.ssh'), { mode: 0o700 })
  writeFileSync(join(dir, '.ssh', 'id_ed25519'), own.privatePem, { mode: 0o600 })
  const bastion = await startSshd({ authorized: [own.publicLine] })
  t.teardown(() => bastion.stop())
  appendFileSync(
    join(dir, '.ssh', 'known_hosts'),
    `[${bastion.host}]:${bastion.port} ${bastion.hostKeys[0]}\n`,
  )
  await create({ sshJump: `${bastion.user}@${bastion.host}:${bastion.port}` })
  t.match(ctx.store.read('web').ledger, { phase: 'ready', options: { engineAccess: 'ssh' } })
  const logins = bastion.log().match(/Accepted publickey/g)?.length ?? 0
  t.ok(logins >= 4, `boot, two connections and the tunnel: ${logins} logins at the jump host`)
})
