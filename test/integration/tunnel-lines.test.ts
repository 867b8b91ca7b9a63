/** The engine tunnel over a line that dies without an end, as one does when a laptop moves. */
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeyPair } from '../../src/ssh/key-pair.js'
import { Tunnel, type TunnelPlan } from '../../src/ssh/tunnel.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { connectionsTo } from '../helpers/far-host.js'
import { FaultyLine } from '../helpers/faulty-line.js'
import { poll } from '../helpers/poll.js'
import { freePort, startSshd } from '../helpers/sshd.js'

const ANSWER_MS = 1_500
const PATIENCE_MS = 20_000

/** A tunnel to a server that says what it hears. */
async function bench(t: Test) {
  const dir = scratchDir(t)
  const pair = generateKeyPair('test')
  writeFileSync(join(dir, 'id'), pair.privatePem, { mode: 0o600 })
  const sshd = await startSshd({ authorized: [pair.publicLine] })
  t.teardown(() => sshd.stop())
  const line = new FaultyLine()
  t.teardown(() => line.close())
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(
    0,
    '127.0.0.1',
  )
  t.teardown(() => echo.close())
  const [port, sshPort] = [await freePort(), await line.to(sshd.port)]
  const plan: TunnelPlan = {
    port,
    remotePort: (echo.address() as AddressInfo).port,
    endpoint: { host: '127.0.0.1', port: sshPort, user: sshd.user },
    hostKeys: sshd.hostKeys,
    login: { privateKeyPath: join(dir, 'id') },
  }
  const tell = (changed: Partial<TunnelPlan> = {}): void =>
    writeFileSync(join(dir, 'plan'), JSON.stringify({ ...plan, ...changed }))
  tell()
  const tunnel = new Tunnel(join(dir, 'plan'), ANSWER_MS)
  await tunnel.listen(port)
  t.teardown(() => tunnel.close())
  return { port, line, sshPort, tell }
}

/** What comes back of a word, or what became of the connection. */
function said(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('silence')))
    socket.on('error', (error) => resolve(error.message))
    socket.on('close', () => resolve('closed'))
    socket.on('data', (chunk) => {
      resolve(chunk.toString())
      socket.destroy()
    })
    socket.write(word)
  })
}

t.test('who asks after the line has died gets another one', async (t) => {
  const { port, line, sshPort } = await bench(t)
  t.equal(await said(port, 'before'), 'before')
  line.set({ kind: 'stall', at: 0, way: 'up', later: 'works' })
  t.equal(await said(port, 'after'), 'after')
  t.equal(await said(port, 'again'), 'again')
  t.equal(connectionsTo([sshPort]), 2, 'the dead one ends by its keepalive')
})

t.test('a host that opens no channel is asked over the same connection later', async (t) => {
  const { port, sshPort, tell } = await bench(t)
  tell({ remotePort: await freePort() })
  t.match(await said(port, 'nobody'), /closed|ECONNRESET/)
  tell()
  t.equal(await said(port, 'somebody'), 'somebody')
  t.equal(connectionsTo([sshPort]), 1)
})

t.test('a line that is only late loses nothing that goes over it, and ends when nothing does', async (t) => {
  const { port, line, sshPort } = await bench(t)
  const held = connect({ host: '127.0.0.1', port })
  held.write('first')
  await new Promise((resolve) => held.once('data', resolve))
  line.set({ kind: 'late', delayMs: ANSWER_MS })
  const other = said(port, 'other')
  await poll(PATIENCE_MS, () => Promise.resolve(connectionsTo([sshPort]) === 2))
  line.set()
  const answer = new Promise((resolve) => held.once('data', (chunk: Buffer) => resolve(chunk.toString())))
  held.write('second')
  t.equal(await answer, 'second')
  await other
  held.destroy()
  await poll(PATIENCE_MS, () => Promise.resolve(connectionsTo([sshPort]) === 1))
  t.equal(await said(port, 'last'), 'last')
})
