import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { askOnce } from '../../../src/engine/ask-once.js'
import type { EngineTarget } from '../../../src/engine/target.js'
import { testCertificates } from '../../helpers/certificates.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const certificates = await testCertificates()
t.teardown(() => certificates.remove())

/** What an engine could send, piece by piece, and then closes or not. */
async function engine(t: Test, pieces: readonly string[], closes = true): Promise<EngineTarget> {
  const sockets = new Set<TLSSocket>()
  const send = async (socket: TLSSocket): Promise<void> => {
    for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve))
    if (closes) socket.end()
  }
  const { ca, server } = certificates
  const options = { ...server, ca: ca.caPem, requestCert: true, rejectUnauthorized: true }
  const listener = createServer(options, (socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.once('data', () => void send(socket))
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    sockets.forEach((socket) => socket.destroy())
    listener.close()
  })
  const { port } = listener.address() as AddressInfo
  const pem = (name: string): Buffer => readFileSync(join(certificates.dir, name))
  return { host: '127.0.0.1', port, ca: pem('ca.pem'), cert: pem('cert.pem'), key: pem('key.pem') }
}

t.test(
  'a body is read to its length, or to the end of the connection, in whatever pieces it comes',
  async (t) => {
    const head = 'HTTP/1.1 200 OK\r\nX-Length: 1\r\n'
    const open = await engine(t, [`${head}Content-Le`, 'ngth: 5\r\n\r', '\nhé', 'lló', ' and more'], false)
    t.equal(await askOnce(open, '/x', { deadlineMs: 5_000 }), 'héll')
    const closed = await engine(t, [head, '\r\n', 'one ', 'two'])
    t.equal(await askOnce(closed, '/x', {}), 'one two')
  },
)

t.test('half an answer, and what is none, are told from good ones', async (t) => {
  const cut = await engine(t, ['HTTP/1.0 200 OK\r\nContent-Length: 50\r\n\r\n', 'half'])
  await t.rejects(askOnce(cut, '/x', {}), { layer: 'http', reason: 'protocol', message: /closed too early/ })
  const odd = await engine(t, ['220 mail.example ESMTP\r\n\r\n'])
  await t.rejects(askOnce(odd, '/x', {}), { layer: 'http', reason: 'protocol', message: /no HTTP/ })
  const mute = await engine(t, [])
  await t.rejects(askOnce(mute, '/x', {}), { layer: 'http', reason: 'protocol', message: /no HTTP/ })
  const busy = await engine(t, ['HTTP/1.0 503 Busy\r\n\r\nlater'])
  await t.rejects(askOnce(busy, '/x', {}), { message: /HTTP status 503/ })
})
