/** What a VM and its monitor say: root in the guest, or a QEMU that was taken over, may say anything. */
import { once } from 'node:events'
import { truncateSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { isMachineError } from '../../../../src/contracts/errors.js'
import {
  addressOnConsole,
  consoleLines,
  consoleTail,
  panicOnConsole,
} from '../../../../src/drivers/qemu/console.js'
import { tellGuest } from '../../../../src/drivers/qemu/guest-line.js'
import { parseUsernet } from '../../../../src/drivers/qemu/ports.js'
import { QmpClient, withQmp } from '../../../../src/drivers/qemu/qmp.js'
import { systemClock } from '../../../../src/util/clock.js'
import { NEVER } from '../../../helpers/never.js'
import { checkBounded, forAll, hostileJson, hostileText, pumps } from '../../../helpers/properties.js'
import { runDir } from '../../../helpers/run-dir.js'

const GREETING = '{"QMP":{"version":{},"capabilities":[]}}\n'
const DONE = '{"return":{}}\n'
const LIMIT_MS = 30_000

/** A socket file whose listener says what `say` does. */
async function listen(t: Test, say: (socket: Socket) => void): Promise<string> {
  const path = join(runDir('said'), 'socket')
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    say(socket)
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return path
}

/** Says what it is given after the greeting and the first answer. */
async function monitor(t: Test): Promise<{ readonly path: string; say: string }> {
  const words = { say: '' }
  const path = await listen(t, (socket) => {
    let commands = 0
    socket.write(GREETING)
    socket.on('data', () => void socket.write(commands++ === 0 ? DONE : words.say))
  })
  return Object.assign(words, { path })
}

/** Writes without any newline until the other side hangs up. Gives the bytes that went. */
function endless(socket: Socket): Promise<number> {
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
  return new Promise((resolve) => socket.once('close', () => resolve(socket.bytesWritten)))
}

t.test('any line of a monitor is an answer, or is passed over: the program lives on', async (t) => {
  const server = await monitor(t)
  const messages = hostileJson('return', 'error', 'event', 'QMP', 'desc').map((value) =>
    JSON.stringify(value),
  )
  const lines = fc.oneof(hostileText('{"return":', '{"error":', '}', '\n'), messages)
  const examples = [
    'null',
    '7',
    '"text"',
    '[]',
    '{}',
    '{"error":null}',
    '{"return":{"__proto__":1}}',
    '{"error":{"desc":{}}}',
  ]
  const tellsOne = async (line: string): Promise<void> => {
    server.say = `${line}\n{"return":"last"}\n`
    const client = await QmpClient.connect(server.path)
    try {
      await client.execute('query-status')
    } catch (error) {
      if (!isMachineError(error) || error.code !== 'driver') throw error
    } finally {
      client.close()
    }
  }
  await forAll(t, 'execute', lines, tellsOne, { examples })
})

t.test('a monitor that says a line without end is left, and told of', async (t) => {
  const server = await monitor(t)
  const sent: Promise<number>[] = []
  const path = await listen(t, (socket) => sent.push(endless(socket)))
  await t.rejects(QmpClient.connect(path, undefined, LIMIT_MS), {
    code: 'driver',
    message: /a line without end/,
  })
  const bytes = await sent[0]
  t.ok((bytes ?? Infinity) < 64 * 1024 * 1024, `${bytes} bytes`)
  server.say = 'x'.repeat(5 * 1024 * 1024)
  const client = await QmpClient.connect(server.path)
  await t.rejects(client.execute('query-status'), { code: 'driver', message: /a line without end/ })
  await client.closed
})

t.test('a silent monitor is left at an abort, also at one from before', async (t) => {
  const path = await listen(t, () => undefined)
  const early = AbortSignal.abort(new Error('Ctrl-C'))
  await t.rejects(QmpClient.connect(path, early, LIMIT_MS), { message: 'Ctrl-C' })
  const greeted = await monitor(t)
  const stop = new AbortController()
  const silent = withQmp(greeted.path, stop.signal, (qmp) => qmp.execute('quit'))
  setTimeout(() => stop.abort(new Error('Ctrl-C')), 50)
  await t.rejects(silent)
})

t.test('a guest that answers with a line without end is not waited for', async (t) => {
  const sent: Promise<number>[] = []
  const path = await listen(t, (socket) => sent.push(endless(socket)))
  const options = { deadlineMs: LIMIT_MS, signal: NEVER }
  const before = performance.now()
  t.equal(await tellGuest(path, 'clock 1', options), false)
  t.ok(performance.now() - before < LIMIT_MS / 2, 'long before the deadline')
  t.ok(((await sent[0]) ?? Infinity) < 64 * 1024 * 1024)
  const good = await listen(t, (socket) => {
    socket.on('data', () => {
      for (const part of ['noise\r\ndo', 'ne cl', 'ock\r', '\n']) socket.write(part)
    })
  })
  t.equal(await tellGuest(good, 'clock 1', options), true)
  const silent = await listen(t, (socket) => void socket.on('data', () => socket.end('done clocks\n')))
  t.equal(await tellGuest(silent, 'clock 1', options), false, 'another word')
})

t.test("a monitor's list of forwards: ports are ports, whatever it says", async (t) => {
  const row = '  TCP[HOST_FORWARD]  12       127.0.0.1 35679       10.0.2.15    22     0     0\n'
  await forAll(t, 'parseUsernet', hostileText(row, 'TCP[HOST_FORWARD]', '99999', '  '), (text) =>
    parseUsernet(text).every(
      ({ protocol, hostPort, guestPort }) =>
        ['tcp', 'udp'].includes(protocol) && hostPort <= 99_999 && guestPort <= 99_999,
    ),
  )
  checkBounded(t, 'parseUsernet', pumps('\n ', 'TCP[HOST_FORWARD] 1 ', 'TCP[HOST_FORWARD]\n'), parseUsernet)
})

t.test(
  'a console: any bytes are lines, and what is read in them is an address or the words of a kernel',
  async (t) => {
    const path = join(t.testdir({}), 'console.log')
    const said = [
      'Kernel panic - not syncing: ',
      'Rebooting in 1 seconds..\n',
      'tsmachine-init: network eth0 10.0.0.1',
      'ci-info: | ens3 | True | ',
    ]
    await forAll(t, 'any text', hostileText('\n', '\r\n', ...said), async (text) => {
      writeFileSync(path, text)
      const lines: string[] = []
      for await (const line of consoleLines(path, {}, systemClock)) lines.push(line)
      if (lines.some((line) => /[\n\r]/.test(line))) throw new Error('a line is more than one')
      const kept = lines.join('').length
      if (kept < Math.min(text.replace(/[\n\r]/g, '').length, 60_000)) throw new Error('words were lost')
      const address = addressOnConsole(consoleTail(path))
      if (address !== undefined && !/^[\d.]+$/.test(address)) throw new Error(address)
      panicOnConsole(consoleTail(path))
    })
    const texts = pumps(...said, 'tsmachine-init: network ', 'ci-info: | a ')
    checkBounded(t, 'addressOnConsole', texts, addressOnConsole)
    checkBounded(t, 'panicOnConsole', texts, panicOnConsole)
  },
)

t.test('a large console without any newline is one short line', async (t) => {
  const path = join(t.testdir({}), 'console.log')
  writeFileSync(path, 'begin')
  truncateSync(path, 64 * 1024 * 1024)
  const lines: string[] = []
  for await (const line of consoleLines(path, {}, systemClock)) lines.push(line)
  t.equal(lines.length, 1)
  t.match(lines[0], /^begin[^]* \.\.\. \(\d+ characters more\)$/)
  t.ok((lines[0]?.length ?? 0) < 100_000)
})
