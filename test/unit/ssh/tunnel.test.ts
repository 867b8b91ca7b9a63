import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { joinStreams } from '../../../src/ssh/tunnel.js'

const PIECE = 8_192

/** A connection within this computer, whose other end reads nothing. */
async function unread(t: Test): Promise<{ readonly socket: Socket; readonly reader: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const reader = connect({ host: '127.0.0.1', port }).pause()
  const [socket] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => void [socket, reader].forEach((end) => end.destroy()))
  return { socket, reader }
}

t.test('who reads slowly gets also the last that a host said before it closed', async (t) => {
  const { socket, reader } = await unread(t)
  const channel = new PassThrough()
  joinStreams(socket, channel)
  let sent = 0
  // Until the system takes no more, and the last words wait in our process.
  for (; socket.writableLength === 0; sent += PIECE) {
    channel.push(Buffer.alloc(PIECE))
    while (socket.bytesWritten < sent + PIECE) await turn()
  }
  channel.push(null)
  channel.end()
  await once(channel, 'close')
  let read = 0
  reader.on('data', (chunk: Buffer) => (read += chunk.length)).resume()
  await once(reader, 'close')
  t.equal(read, sent)
})

t.test('a channel that breaks ends the connection, and the other way round', async (t) => {
  const first = await unread(t)
  const broken = new PassThrough()
  joinStreams(first.socket, broken)
  broken.destroy(new Error('the line is gone'))
  await once(first.socket, 'close')
  const second = await unread(t)
  const left = new PassThrough()
  joinStreams(second.socket, left)
  second.reader.destroy()
  await once(left, 'close')
  t.ok(left.destroyed)
})
