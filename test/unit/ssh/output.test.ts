/** What a remote command says: a host that was taken over never stops. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import t, { type Test } from 'tap'
import { generateKeyPair } from '../../../src/ssh/key-pair.js'
import { LineCollector, LONGEST_OUTPUT } from '../../../src/ssh/lines.js'
import { SshShell } from '../../../src/ssh/shell.js'

const CHUNK = Buffer.alloc(256 * 1024, 'x')

/** A host whose commands say `x` for ever, to the stream that the command names. */
async function endlessHost(t: Test): Promise<SshShell> {
  const server = new ssh2.Server({ hostKeys: [generateKeyPair('host').privatePem] }, (connection) => {
    connection.on('error', () => undefined)
    connection.on('authentication', (request) => request.accept())
    connection.on('session', (accept) => {
      accept().on('exec', (accepted, _reject, { command }) => {
        const channel = accepted()
        const stream = command.startsWith('stderr') ? channel.stderr : channel
        const more = (): void => {
          while (!channel.destroyed && !channel.closed && stream.write(CHUNK));
        }
        channel.on('error', () => undefined)
        stream.on('drain', more)
        more()
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = new ssh2.Client()
  client.connect({ host: '127.0.0.1', port, username: 'root' })
  await once(client, 'ready')
  t.teardown(() => {
    client.destroy()
    server.close()
  })
  return new SshShell(client, { host: '127.0.0.1', port, user: 'root' }, 'ssh-ed25519 AAAA')
}

for (const stream of ['stdout', 'stderr'])
  t.test(`a command that says more than is kept on ${stream} is ended, and told of`, async (t) => {
    const shell = await endlessHost(t)
    await t.rejects(shell.exec(`${stream} for ever`, { deadlineMs: 120_000 }), {
      code: 'ssh',
      retryable: false,
      message: `The command "${stream}" on 127.0.0.1 says more than ${LONGEST_OUTPUT / 1024 ** 2} MiB: it was ended`,
    })
  })

t.test('a stream that is wanted whole is kept to its bound', async (t) => {
  const collector = new LineCollector()
  const chunk = Buffer.alloc(LONGEST_OUTPUT / 2, 'x')
  collector.add(chunk)
  collector.add(chunk)
  t.equal(collector.isTooLong, false)
  collector.add(Buffer.from('x'))
  t.equal(collector.isTooLong, true)
  t.equal(collector.finish().length, LONGEST_OUTPUT)
})

t.test('a stream that is read by lines: a line without end is cut, and its end is kept', async (t) => {
  const lines: string[] = []
  const collector = new LineCollector((line) => lines.push(line))
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  for (let i = 0; i < 32; i++) collector.add(chunk)
  collector.add(Buffer.from('\nnext\n'))
  t.equal(collector.isTooLong, false)
  t.ok(collector.finish().length < 10 * 1024 * 1024)
  t.match(lines[0], /^x{100}[^]* \.\.\. \(\d+ characters more\)$/)
  t.ok((lines[0]?.length ?? 0) < 1_100_000)
  t.equal(lines[1], 'next')
})
