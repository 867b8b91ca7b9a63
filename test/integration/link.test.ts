/** The line that remote provisioning is counted and measured on. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { Link } from '../helpers/link.js'
import { difference, TripCounter, Wire } from '../helpers/wire.js'

t.test('bytes wait for those before them, then for the way', async (t) => {
  // 20 Mbit/s are 2500 bytes in a millisecond.
  const wire = new Wire(50, 2500)
  t.equal(wire.arrival(25_000, 0), 60)
  t.equal(wire.backlogMs(4), 6)
  t.equal(wire.arrival(2_500, 4), 61, 'behind the first')
  t.equal(wire.arrival(2_500, 1_000), 1_051, 'the line was free')
  t.equal(wire.backlogMs(2_000), 0)
  t.equal(new Wire(50, Infinity).arrival(1e9, 7), 57)
})

t.test('a round trip is an answer to what was said', async (t) => {
  const counter = new TripCounter()
  counter.down(10)
  t.equal(counter.roundTrips, 1, 'connecting; a greeting answers nothing')
  counter.up(1)
  counter.up(1)
  t.equal(counter.roundTrips, 1, 'not answered')
  counter.down(3)
  counter.down(4)
  t.equal(counter.roundTrips, 2)
  t.same([counter.bytesUp, counter.bytesDown], [2, 17])
})

async function echoServer(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('everything arrives in order through delay and rate, ends included, and is counted', async (t) => {
  const link = new Link({ rttMs: 20, mbitPerS: 200 })
  t.teardown(() => link.close())
  const port = await link.open(await echoServer())
  const before = link.traffic()
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const sent = Buffer.alloc(2_000_000, 'all that is said ')
  socket.end(sent)
  const heard = await buffer(socket)
  t.ok(heard.equals(sent))
  const traffic = difference(link.traffic(), before)
  t.match(traffic, { connections: 1, bytesUp: sent.length, bytesDown: sent.length })
})

t.test('where it settles first, one breath is one round trip however it was cut up', async (t) => {
  const link = new Link({ rttMs: 0, settleMs: 100 })
  t.teardown(() => link.close())
  const socket = connect({ port: await link.open(await echoServer()), host: '127.0.0.1' })
  let heard = ''
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text))
  for (const breath of ['one', 'two', 'three']) {
    heard = ''
    for (const letter of breath) {
      socket.write(letter)
      await new Promise((resolve) => setImmediate(resolve))
    }
    while (heard.length < breath.length) await once(socket, 'data')
    t.equal(heard, breath)
  }
  t.equal(link.traffic().roundTrips, 4, 'connecting and three answers')
  socket.end()
})

t.test('a server that ends or is not there ends the client’s connection', async (t) => {
  const link = new Link({ rttMs: 10 })
  t.teardown(() => link.close())
  const closing = createServer((socket) => socket.end('bye'))
  closing.listen(0, '127.0.0.1')
  await once(closing, 'listening')
  const target = (closing.address() as AddressInfo).port
  const port = await link.open(target)
  t.equal((await buffer(connect({ port, host: '127.0.0.1' }))).toString(), 'bye')
  closing.close()
  await once(closing, 'close')
  t.equal((await buffer(connect({ port, host: '127.0.0.1' }))).length, 0)
})
