import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { listMachines } from '../../../src/machine/list.js'
import { listNames } from '../../../src/machine/list-names.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { FakeEngine } from '../../doubles/engine.js'
import { testCertificates } from '../../helpers/certificates.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { HandClock } from '../../helpers/hand-clock.js'
import { machineContext } from '../../helpers/machine-context.js'
import { writeMachines } from '../../helpers/many-machines.js'

const CALM_MS = 50
const certificates = await testCertificates()
const stranger = await testCertificates()
t.teardown(() => [certificates, stranger].forEach((each) => each.remove()))

async function engine(t: Test, { ca, server } = certificates): Promise<FakeEngine> {
  const started = await FakeEngine.start({ ca: ca.caPem, ...server })
  t.teardown(() => started.stop())
  return started
}

/** Takes every connection and says nothing. */
async function silentPort(t: Test): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    sockets.forEach((socket) => socket.destroy())
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function context(t: Test): MachineContext & { clock: HandClock } {
  const ctx = { ...machineContext({ dir: scratchDir(t) }), clock: new HandClock() }
  cpSync(certificates.dir, ctx.store.certsDir, { recursive: true })
  return ctx
}

const urls = (prefix: string, count: number, port: number): [string, string][] =>
  Array.from({ length: count }, (_item, index) => [`${prefix}${index}`, `tcp://127.0.0.1:${port}`])

t.test(
  'silent, answering, closed, strange and broken: each has its row, and one deadline ends it',
  async (t) => {
    const ctx = context(t)
    const [live, foreign, silent] = [await engine(t), await engine(t, stranger), await silentPort(t)]
    writeMachines(ctx.store.root, [
      ...urls('a-silent', 150, silent),
      ...urls('b-closed', 5, 1),
      ...urls('c-strange', 5, foreign.port),
      ...urls('d-live', 100, live.port),
    ])
    mkdirSync(ctx.store.dir('e-broken'))
    writeFileSync(join(ctx.store.dir('e-broken'), 'config.json'), '{')
    writeMachines(ctx.store.root, urls('f-odd', 1, 1))
    const odd = join(ctx.store.dir('f-odd0'), 'config.json')
    writeFileSync(odd, JSON.stringify({ ConfigVersion: 3, DriverName: 'odd', Driver: {}, HostOptions: {} }))
    await ctx.drivers.load('none')
    const told: number[] = []
    const progress = (): void => void told.push(performance.now())
    const listing = listMachines(ctx, { filters: [], timeoutMs: 8_000, progress })
    // What comes over a socket needs real time, of which the clock knows nothing.
    const isCalm = (): boolean =>
      live.open + foreign.open === 0 && performance.now() - (told.at(-1) ?? 0) > CALM_MS
    await ctx.clock.runUntil(listing, isCalm)
    const rows = await listing
    t.equal(rows.length, 262)
    t.equal(ctx.clock.monotonicMs(), 8_000)
    const of = (prefix: string): typeof rows => rows.filter(({ name }) => name.startsWith(prefix))
    for (const row of of('a-silent'))
      t.match(row, {
        state: 'Running',
        engine: 'Unknown',
        url: /^tcp:/,
        error: /Gave up waiting .* after 8\.0 s/,
      })
    for (const row of of('b-closed')) t.match(row, { engine: 'Unknown', error: /connection refused/ })
    for (const row of of('c-strange')) t.match(row, { engine: 'Unknown', error: /not signed by the CA/ })
    t.same(new Set(of('d-live').map((row) => row.engine)), new Set(['v27.5.1']))
    t.match(of('e-broken'), [{ driver: 'not found', state: 'Error' }])
    t.match(of('f-odd'), [{ state: 'Error', error: /Driver "odd" not found/ }])
    t.notOk(rows.some((row) => row.pending))
  },
)

t.test('each engine is asked once, rows are told once each, and nothing grows with the square', async (t) => {
  const live = await engine(t)
  for (const count of [10, 100]) {
    const ctx = context(t)
    writeMachines(ctx.store.root, urls('m', count, live.port))
    let [told, loads] = [0, 0]
    const drivers = { load: async (name: string) => (loads++, await ctx.drivers.load(name)) }
    live.requests.length = 0
    const options = { filters: [], timeoutMs: 60_000, progress: () => void told++ }
    const rows = await listMachines({ ...ctx, drivers }, options)
    t.same([rows.length, live.requests.length, told, loads], [count, count, count + 1, 1])
    t.equal(listNames(ctx).names.length, count)
  }
  // A listener sees the end of a connection later than the next one.
  t.ok(live.peak < 100, 'few connections at once')
})
