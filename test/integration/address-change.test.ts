/** A provider that gives a server another address: the record, the certificate and the Docker context follow. */
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createMachine } from '../../src/machine/create.js'
import { listMachines } from '../../src/machine/list.js'
import { restartMachine } from '../../src/machine/restart.js'
import { startMachine } from '../../src/machine/start.js'
import { machineStatus } from '../../src/machine/status.js'
import { stopMachine } from '../../src/machine/stop.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { scriptedHost } from '../helpers/scripted-host.js'

const NEW = ['127.0.0.2', '127.0.0.3', '127.0.0.4'] as const

/** The same servers at a further address of this computer. */
async function alias(t: Test, address: string, port: number): Promise<void> {
  const server: Server = createServer((socket) => {
    const other = connect(port, '127.0.0.1')
    for (const end of [socket, other]) end.on('error', () => end.destroy())
    socket.pipe(other).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(port, address, resolve))
  t.teardown(() => server.close())
}

async function bench(t: Test) {
  const dir = scratchDir(t)
  const env = { HOME: dir, DOCKER_CONFIG: join(dir, 'docker'), PATH: process.env['PATH'] ?? '' }
  const host = await scriptedHost(t, machineContext({ dir }), { sans: NEW })
  for (const address of NEW) {
    await alias(t, address, host.sshd.port)
    await alias(t, address, host.engine.port)
  }
  const ctx = machineContext({ dir, env, factories: { fake: hostedFactory(host.hosting) } })
  const provider = new FakeProvider(join(dir, 'provider'))
  const flagValues = fakeFlags(provider.dir)
  await createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  const move = (address: string): void => provider.change('srv-1', (server) => ({ ...server, address }))
  const certificate = (): X509Certificate =>
    new X509Certificate(readFileSync(join(ctx.store.dir('web'), 'server.pem')))
  const contextUrl = (): string => {
    const meta = join(env.DOCKER_CONFIG, 'contexts/meta')
    const [file = ''] = readdirSync(meta)
    return readFileSync(join(meta, file, 'meta.json'), 'utf8')
  }
  return { ctx, host, move, certificate, contextUrl }
}

t.test('start and restart: record, certificate and context get the new address', async (t) => {
  const { ctx, host, move, certificate, contextUrl } = await bench(t)
  t.match(contextUrl(), `tcp://127.0.0.1:${host.engine.port}`)
  await stopMachine(ctx, 'web')
  move('127.0.0.2')
  const before = host.calls().length
  await startMachine(ctx, 'web')
  t.match(ctx.store.get('web').ledger?.resources.at(-1), { attributes: { address: '127.0.0.2' } })
  t.ok(certificate().checkIP('127.0.0.2'))
  t.same(host.calls().slice(before), ['facts', 'apply'], 'and the host was given it')
  t.match(contextUrl(), `tcp://127.0.0.2:${host.engine.port}`)
  const same = certificate().fingerprint256
  await restartMachine(ctx, 'web')
  t.equal(certificate().fingerprint256, same, 'nothing is renewed without a reason')
  move('127.0.0.3')
  await restartMachine(ctx, 'web')
  t.ok(certificate().checkIP('127.0.0.3'))
  t.match(contextUrl(), `tcp://127.0.0.3:${host.engine.port}`)
})

t.test('behind our back: ls and status say so, start takes it over', async (t) => {
  const { ctx, move, certificate } = await bench(t)
  move('127.0.0.4')
  const listed = () => listMachines(ctx, { filters: [], timeoutMs: 10_000 })
  t.match(await listed(), [{ state: 'Running', error: /its address is 127.0.0.4 now: tsmachine start web/ }])
  t.equal(await machineStatus(ctx, 'web'), 'Running')
  t.match(ctx.events.at(-1), { type: 'warn', text: /^web: its address is 127.0.0.4 now/ })
  await startMachine(ctx, 'web')
  t.ok(certificate().checkIP('127.0.0.4'))
  t.match(await listed(), [{ state: 'Running', error: '', url: /127.0.0.4/, engine: 'v27.5.1' }])
  await t.rejects(startMachine(ctx, 'web'), { message: /already running/ })
})
