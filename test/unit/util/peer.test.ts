import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PluginServer } from '../../../src/drivers/plugin/wire/rpc-server.js'
import { generateKeyPair } from '../../../src/ssh/key-pair.js'
import { packageRoot } from '../../../src/util/paths.js'
import { isOwnPeer } from '../../../src/util/peer.js'
import { isLocal, listenersOf } from '../../helpers/listeners.js'
import { freePort } from '../../helpers/sshd.js'

const OTHER = 61_111
const NEED_ROOT = { skip: process.getuid?.() !== 0 && 'becomes another user' }
/** Says `in` once something was sent to it, `out` when it is hung up on without a word. */
const CLIENT = `const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1')
socket.on('data', () => { console.log('in'); process.exit() })
socket.on('close', () => { console.log('out'); process.exit() }); socket.on('error', () => undefined)
setTimeout(() => { console.log('open'); process.exit() }, 1500)`

/** How another user, or this one, fares at a port. */
async function knock(port: number, uid?: number): Promise<string> {
  const who = uid === undefined ? {} : { uid, gid: uid }
  const child = spawn(process.execPath, ['-e', CLIENT, String(port)], {
    ...who,
    env: { HOME: '/' },
    cwd: '/',
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  return said.trim()
}

async function listening(t: Test, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

t.test('who connects from this computer is known by user', NEED_ROOT, async (t) => {
  const port = await listening(t, (socket) => {
    socket.on('error', () => undefined)
    if (isOwnPeer(socket)) socket.end('welcome')
    else socket.destroy()
  })
  t.equal(await knock(port), 'in')
  t.equal(await knock(port, OTHER), 'out')
})

/** Sends a word and lets go of its end, with a goodbye or with a reset. */
const HIT_AND_RUN = `const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1', () => {
  socket.write('do it', () => setTimeout(() => process.argv[2] === 'reset' ? socket.resetAndDestroy() : socket.destroy(), 50))
})
socket.on('error', () => undefined)`

for (const how of ['close', 'reset'])
  t.test(
    `another user who has sent something and gone (${how}) is not taken for root`,
    NEED_ROOT,
    async (t) => {
      let arrive: (socket: Socket) => void = () => undefined
      const arrived = new Promise<Socket>((resolve) => (arrive = resolve))
      const port = await listening(t, (socket) => arrive(socket.on('error', () => undefined).pause()))
      const words = ['-e', HIT_AND_RUN, String(port), how]
      const child = spawn(process.execPath, words, { uid: OTHER, gid: OTHER, env: { HOME: '/' }, cwd: '/' })
      const [socket] = await Promise.all([arrived, once(child, 'close')])
      t.notOk(isOwnPeer(socket))
      socket.destroy()
    },
  )

t.test('a connection of a network that the table does not show cannot be judged', (t) => {
  t.ok(isOwnPeer({ localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 }))
  t.end()
})

t.test(
  'a driver that we serve answers no other user, and listens on this computer alone',
  NEED_ROOT,
  async (t) => {
    const server = new PluginServer({} as ConstructorParameters<typeof PluginServer>[0])
    const { port } = await server.listen()
    t.teardown(() => server.close())
    const own = listenersOf([process.pid]).filter((text) => text.endsWith(`:${port}`))
    t.equal(own.length, 1)
    t.ok(own.every(isLocal))
    t.equal(await knock(port, OTHER), 'out')
    t.equal(await knock(port), 'open', 'waits for a call')
  },
)

t.test('a tunnel to an engine leads no other user there', NEED_ROOT, async (t) => {
  // A host that never says a word: who gets through the tunnel waits for it.
  const host = await listening(t, (socket) => socket.on('error', () => undefined))
  const port = await freePort()
  const endpoint = { host: '127.0.0.1', port: host, user: 'docker' }
  const { publicLine, privatePem } = generateKeyPair('host')
  const dir = t.testdir({ key: privatePem })
  const path = join(dir, 'plan')
  const login = { privateKeyPath: join(dir, 'key') }
  writeFileSync(path, JSON.stringify({ port, remotePort: 1, endpoint, hostKeys: [publicLine], login }))
  const program = `import { Tunnel } from './src/ssh/tunnel.ts'
    await new Tunnel(process.argv[1]).listen(${port}); console.log('listens')`
  const words = ['--import', 'tsx', '--input-type=module', '-e', program, path]
  const child = spawn(process.execPath, words, { cwd: packageRoot(), stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  t.strictSame(
    listenersOf([child.pid ?? 0]).filter((text) => text.startsWith('tcp')),
    [`tcp 127.0.0.1:${port}`],
  )
  t.equal(await knock(port, OTHER), 'out')
  t.equal(await knock(port), 'open')
})
