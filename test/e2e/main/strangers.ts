/** Who is no client of the engine: the real one refuses each of them before it answers anything. */
import { readFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import t from 'tap'
import { ensureCa, issueLeaf } from '../../../src/tls/authority.js'
import { writeCertificate } from '../../../src/tls/certificate.js'
import type { PemPair } from '../../../src/tls/files.js'
import { keyPem, newKey } from '../../../src/tls/keys.js'
import { issueServer } from '../../../src/tls/server.js'
import { testCertificates } from '../../helpers/certificates.js'
import type { Web } from './web.js'

const DAY_MS = 86_400_000
const REQUEST = 'GET /version HTTP/1.0\r\nHost: engine\r\n\r\n'
const PATIENCE_MS = 30_000

/** All that a port says to a request, and why there is no more. */
async function conversation(socket: Socket, ready: 'connect' | 'secureConnect'): Promise<string> {
  return await new Promise((resolve) => {
    let said = ''
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('silence')))
    socket.once(ready, () => socket.write(REQUEST))
    socket.on('data', (data: Buffer) => (said += data.toString()))
    socket.once('error', (error) => resolve(`${said}[${error.message}]`))
    socket.once('close', () => resolve(said))
  })
}

async function selfSigned(): Promise<PemPair> {
  const key = await newKey('ec')
  const request = {
    purpose: 'client',
    commonName: 'tsmachine client',
    key,
    days: 30,
    now: new Date(),
  } as const
  return { cert: await writeCertificate(request), key: keyPem(key) }
}

export function strangers(web: Web): void {
  const { user, dir } = web
  const certs = join(user.store, 'certs')
  const file = (name: string): string => readFileSync(join(dir, name), 'utf8')
  const port = async (): Promise<number> => Number(new URL(await user.ok(['url', 'web'])).port)
  const ask = async (options: ConnectionOptions): Promise<string> =>
    await conversation(
      connect({ host: '127.0.0.1', port: await port(), ca: file('ca.pem'), ...options }),
      'secureConnect',
    )

  t.test('the engine answers nobody but a client of its CA', async (t) => {
    const ca = await ensureCa(certs)
    const other = await testCertificates()
    t.teardown(() => other.remove())
    const at = (days: number) => ({
      purpose: 'client' as const,
      commonName: 'tsmachine client',
      now: new Date(Date.now() + days * DAY_MS),
    })
    const own: PemPair = { cert: file('cert.pem'), key: file('key.pem') }
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const refused: Readonly<Record<string, readonly [ConnectionOptions, RegExp]>> = {
      'no certificate': [{}, /certificate required/],
      'no certificate, TLS 1.2': [{ maxVersion: 'TLSv1.2' }, /alert|certificate/],
      'of another CA': [other.ca.client, /alert|certificate/],
      'of no CA': [await selfSigned(), /alert|certificate/],
      expired: [await issueLeaf(ca, at(-900)), /expired|bad certificate/],
      'of the future': [await issueLeaf(ca, at(30)), /expired|bad certificate/],
      'its own, which is for servers': [
        { cert: file('server.pem'), key: file('server-key.pem') },
        /certificate/,
      ],
      'another machine’s': [await issueServer({ ca, name: 'db', sans: ['127.0.0.1'] }), /certificate/],
      'ours, by TLS 1.1': [{ ...own, ...old }, /protocol version/],
    }
    for (const [what, [options, reason]] of Object.entries(refused)) {
      const said = await ask(options)
      t.notMatch(said, /HTTP|ApiVersion/, what)
      t.match(said, reason, what)
    }
    const plain = await conversation(createConnection({ host: '127.0.0.1', port: await port() }), 'connect')
    t.notMatch(plain, /200 OK|ApiVersion/, 'plain HTTP')
    t.match(plain, /400 Bad Request|closed|reset|^$/)
    t.match(await ask(own), /200 OK[^]*ApiVersion/, 'and it answers us')
  })

  t.test('the keys of the engine are root’s alone on the host, and in no process list', async (t) => {
    const modes = await user.ok(['ssh', 'web', '--', 'sudo -n stat -c "%a %U" /etc/docker/server-key.pem'])
    t.equal(modes.trim(), '600 root')
    const [, secret = ''] = file('server-key.pem').split('\n')
    t.ok(secret.length > 40)
    const words = 'sudo -n sh -c "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ" | tr "\\0" "\\n"'
    const processes = await user.ok(['ssh', 'web', '--', words])
    t.match(processes, /dockerd/)
    t.notOk(processes.includes(secret))
  })
}
