import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { apiMismatch } from '../../../src/engine/client-api.js'
import { listContainers } from '../../../src/engine/containers.js'
import { engineEvents, type ContainerEvent } from '../../../src/engine/events.js'
import { EngineProbeError, probeEngine } from '../../../src/engine/probe.js'
import type { EngineTarget } from '../../../src/engine/target.js'
import { issueServer } from '../../../src/tls/server.js'
import { FakeEngine } from '../../doubles/engine.js'
import { testCertificates } from '../../helpers/certificates.js'
import { waitFor } from '../../../src/util/wait.js'

const certificates = await testCertificates()
const { ca, server } = certificates
t.teardown(() => certificates.remove())

async function startEngine(
  t: Test,
  pair = server,
  clientCa = ca.caPem,
): Promise<{ engine: FakeEngine; target: EngineTarget }> {
  const engine = await FakeEngine.start({ ca: clientCa, ...pair, containers: [] })
  t.teardown(() => engine.stop())
  return { engine, target: targetOf(engine.port) }
}

function targetOf(port: number): EngineTarget {
  return { host: '127.0.0.1', port, ca: ca.caPem, ...ca.client }
}

async function failure(work: Promise<unknown>): Promise<EngineProbeError> {
  try {
    await work
  } catch (error) {
    if (error instanceof EngineProbeError) return error
    throw error
  }
  throw new Error('it did not fail')
}

t.test('a probe asks once and gives the versions', async (t) => {
  const { engine, target } = await startEngine(t)
  const answer = await probeEngine({ ...target, deadlineMs: 5_000 })
  t.match(answer, {
    reachable: true,
    version: '27.5.1',
    apiVersion: '1.47',
    minApiVersion: '1.24',
    arch: 'amd64',
  })
  t.same(engine.requests, ['/version'])
  t.match(await probeEngine({ ...target, host: 'localhost' }), { reachable: true })
  t.match(await probeEngine({ ...target, serverName: 'localhost' }), { reachable: true })
})

t.test('each fault of the certificates has its own reason', async (t) => {
  const at = (days: number): { monotonicMs: () => number; now: () => Date; sleep: () => Promise<void> } => ({
    monotonicMs: () => 0,
    now: () => new Date(Date.now() + days * 86_400_000),
    sleep: () => Promise.resolve(),
  })
  const sans = ['127.0.0.1']
  const expired = await startEngine(t, await issueServer({ ca, name: 'old', sans, clock: at(-900) }))
  const future = await startEngine(t, await issueServer({ ca, name: 'new', sans, clock: at(30) }))
  const elsewhere = await startEngine(t, await issueServer({ ca, name: 'x', sans: ['192.0.2.1'] }))
  const stranger = await testCertificates()
  t.teardown(() => stranger.remove())
  const foreign = await startEngine(t, stranger.server)
  const cases = [
    [expired, 'expired', /has expired/],
    [future, 'not-yet-valid', /not valid yet/],
    [elsewhere, 'name-mismatch', /not valid for this address/],
    [foreign, 'wrong-ca', /not signed by the CA of this store/],
  ] as const
  for (const [{ target }, reason, text] of cases) {
    const error = await failure(probeEngine(target))
    t.same([error.code, error.layer, error.reason], ['tls', 'tls', reason])
    t.match(error.message, text)
    t.ok(error.hints.length > 0)
  }
  const bad = await failure(probeEngine({ ...expired.target, key: 'nonsense' }))
  t.same([bad.layer, bad.reason], ['tls', 'client-files'])
  t.notMatch(bad.message, /nonsense/)
})

t.test('closed, closing, silent and plain ports are told apart', async (t) => {
  const listen = async (greet: (socket: import('node:net').Socket) => void): Promise<number> => {
    const sockets = new Set<import('node:net').Socket>()
    const plain = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined))
      greet(socket)
    }).listen(0, '127.0.0.1')
    await once(plain, 'listening')
    t.teardown(() => {
      sockets.forEach((socket) => socket.destroy())
      plain.close()
    })
    return (plain.address() as AddressInfo).port
  }
  const gone = await startEngine(t)
  await gone.engine.stop()
  t.match(await failure(probeEngine(gone.target)), { layer: 'tcp', reason: 'refused', code: 'engine' })
  const closing = await failure(probeEngine(targetOf(await listen((socket) => socket.destroy()))))
  t.match(closing, { layer: 'tcp', reason: 'reset', message: /closed before the engine spoke/ })
  const silent = await failure(probeEngine({ ...targetOf(await listen(() => undefined)), deadlineMs: 500 }))
  t.match(silent, {
    layer: 'tcp',
    reason: 'timeout',
    message: /port is open but nothing spoke within 0\.5 s/,
  })
  const web = await listen((socket) => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n'))
  t.match(await failure(probeEngine(targetOf(web))), { layer: 'tls', reason: 'not-tls' })
})

t.test('an engine that answers wrongly or not at all fails at the layer http', async (t) => {
  const { engine, target } = await startEngine(t)
  engine.failWith = 500
  const error = await failure(probeEngine(target))
  t.match(error, { layer: 'http', reason: 'status', code: 'engine', message: /HTTP status 500/ })
  t.match(error.evidence, /told to fail/)
  engine.failWith = undefined
  engine.silent = true
  const slow = await failure(probeEngine({ ...target, deadlineMs: 1_500 }))
  t.match(slow, { layer: 'http', reason: 'timeout', message: /did not answer within 1\.5 s/ })
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('Ctrl-C')), 50)
  await t.rejects(probeEngine({ ...target, signal: stop.signal }), { message: 'Ctrl-C' })
})

t.test('containers come with the ports that they publish', async (t) => {
  const { engine, target } = await startEngine(t)
  engine.containers.push({
    Id: 'abc',
    Names: ['/web'],
    Image: 'nginx',
    State: 'running',
    Ports: [
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 443, Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: 53, PublicPort: 53, Type: 'udp' },
    ],
  })
  const [container] = await listContainers(target)
  t.match(container, { id: 'abc', name: 'web', image: 'nginx', state: 'running' })
  t.same(
    container?.ports.map((port) => `${port.ip} ${port.publicPort}:${port.privatePort}/${port.protocol}`),
    ['0.0.0.0 8080:80/tcp', ':: 8080:80/tcp', '0.0.0.0 53:53/udp'],
  )
})

t.test(
  'events arrive whole though the network cuts lines; the stream ends with the engine and by abort',
  async (t) => {
    const { engine, target } = await startEngine(t)
    const seen: ContainerEvent[] = []
    let open = false
    const reading = (async () => {
      for await (const event of engineEvents({ ...target, deadlineMs: 5_000, onOpen: () => (open = true) }))
        seen.push(event)
    })()
    await waitFor('the stream', async () => (open && engine.listeners === 1 ? true : undefined), {
      deadlineMs: 5_000,
    })
    t.match(
      decodeURIComponent(engine.requests.at(-1) ?? ''),
      /"type":\["container"\],"event":\["start","die"\]/,
    )
    engine.emit('start', 'one', 25)
    await waitFor('the first event', async () => (seen.length === 1 ? true : undefined), {
      deadlineMs: 5_000,
    })
    engine.emit('die', 'one')
    await waitFor('the second event', async () => (seen.length === 2 ? true : undefined), {
      deadlineMs: 5_000,
    })
    engine.endStreams()
    await reading
    t.same(
      seen.map((event) => [event.action, event.id, event.name]),
      [
        ['start', 'one', 'name-one'],
        ['die', 'one', 'name-one'],
      ],
    )

    const stop = new AbortController()
    const quiet = (async () => {
      // The deadline is for the stream's start only: quiet minutes are normal.
      for await (const _event of engineEvents({ ...target, deadlineMs: 1_500, signal: stop.signal }))
        t.fail('no event')
    })()
    setTimeout(() => stop.abort(new Error('Ctrl-C')), 2_200)
    await t.rejects(quiet, { message: 'Ctrl-C' })

    const cut = (async () => {
      for await (const _event of engineEvents(target)) t.fail('no event')
    })()
    await waitFor('a listener', async () => (engine.listeners === 1 ? true : undefined), {
      deadlineMs: 5_000,
    })
    await engine.stop()
    t.match(await failure(cut), { layer: 'http' })
  },
)

t.test('API ranges that do not overlap are named', async (t) => {
  const engine = { version: '29.0.0', apiVersion: '1.52', minApiVersion: '1.44' }
  t.equal(apiMismatch(engine, '1.50'), undefined)
  t.equal(apiMismatch(engine, '1.44'), undefined)
  t.match(apiMismatch(engine, '1.41'), /wants at least 1\.44: update the client/)
  t.match(
    apiMismatch({ version: '1.11', apiVersion: '1.23', minApiVersion: '1.12' }, '1.50'),
    /update the engine/,
  )
  t.equal(apiMismatch({ version: '40', apiVersion: '1.100', minApiVersion: '1.99' }, '1.100'), undefined)
})
