/** Servers that are not the engine that we look for: each of our clients refuses, and says nothing to them. */
import { once } from 'node:events'
import { createServer as createPlain, type AddressInfo, type Server } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { isPlainlyTrusted } from '../../../src/engine/plain-trust.js'
import { EngineProbeError, probeEngine } from '../../../src/engine/probe.js'
import { EngineConnection } from '../../../src/engine/request.js'
import type { EngineTarget } from '../../../src/engine/target.js'
import { issueLeaf } from '../../../src/tls/authority.js'
import { writeCertificate } from '../../../src/tls/certificate.js'
import type { PemPair } from '../../../src/tls/files.js'
import { readCertificate } from '../../../src/tls/inspect.js'
import { keyPem, newKey, readKey } from '../../../src/tls/keys.js'
import { issueServer } from '../../../src/tls/server.js'
import { testCertificates } from '../../helpers/certificates.js'

const DAY = 86_400_000
const later = (days: number) => new Date(Date.now() + days * DAY)
const clock = (days: number) => ({
  monotonicMs: () => 0,
  now: () => later(days),
  sleep: () => Promise.resolve(),
})

const mine = await testCertificates()
const stranger = await testCertificates()
const ended = await testCertificates({ now: later(-3_640 - 12) })
for (const each of [mine, stranger, ended]) t.teardown(() => each.remove())
const { ca } = mine
const sans = ['127.0.0.1']
const target = (port: number): EngineTarget => ({ host: '127.0.0.1', port, ca: ca.caPem, ...ca.client })

/** A leaf of another machine that plays the authority. */
async function signedByLeaf(): Promise<PemPair> {
  const signer = {
    certificate: readCertificate(mine.server.cert, 'leaf'),
    key: readKey(mine.server.key, 'leaf'),
  }
  const leaf = await issueLeaf(signer, { purpose: 'server', commonName: 'web', sans, now: new Date() })
  return { cert: leaf.cert + mine.server.cert, key: leaf.key }
}

async function selfSigned(): Promise<PemPair> {
  const key = await newKey('ec')
  const request = { purpose: 'server', commonName: 'web', key, sans, days: 30, now: new Date() } as const
  return { cert: await writeCertificate(request), key: keyPem(key) }
}

interface Case {
  readonly pair?: PemPair
  readonly tls?: TlsOptions
  readonly answer?: string
  /** What our own client says; the deadline's text where nobody speaks. */
  readonly reason: RegExp
  readonly text: RegExp
  readonly ca?: string
}

const CASES: Readonly<Record<string, Case>> = {
  'of another store': { pair: stranger.server, reason: /wrong-ca/, text: /not signed by the CA/ },
  'of no CA': { pair: await selfSigned(), reason: /wrong-ca/, text: /not signed by the CA/ },
  'signed by another machine': { pair: await signedByLeaf(), reason: /wrong-ca/, text: /certificate/ },
  expired: {
    pair: await issueServer({ ca, name: 'web', sans, clock: clock(-900) }),
    reason: /expired/,
    text: /expired/,
  },
  'of the future': {
    pair: await issueServer({ ca, name: 'web', sans, clock: clock(30) }),
    reason: /not-yet-valid/,
    text: /not valid yet/,
  },
  'of a CA that has ended': {
    pair: ended.server,
    ca: ended.ca.caPem,
    reason: /expired/,
    text: /CA\) has expired/,
  },
  'of another machine': {
    pair: await issueServer({ ca, name: 'other', sans: ['192.0.2.7', 'other'] }),
    reason: /name-mismatch/,
    text: /not valid for this address/,
  },
  'without any name': {
    pair: await issueServer({ ca, name: '127.0.0.1', sans: [] }),
    reason: /name-mismatch/,
    text: /not valid for this address/,
  },
  'a client’s own': { pair: ca.client, reason: /wrong-ca/, text: /none for servers/ },
  'TLS 1.1 only': {
    pair: mine.server,
    tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    reason: /protocol/,
    text: /TLS handshake failed.*(version|protocol)/i,
  },
  'plain HTTP': {
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
    reason: /not-tls/,
    text: /does not speak TLS/,
  },
  'no protocol at all': { answer: '\0\0garbage\xff', reason: /not-tls|protocol/, text: /TLS/ },
  'silent after the connection': {
    answer: '',
    reason: /timeout/,
    text: /open but nothing spoke within 1\.0 s/,
  },
  'a handshake that never ends': {
    answer: '\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03',
    reason: /timeout/,
    text: /nothing spoke within 1\.0 s/,
  },
}

interface Liar {
  readonly port: number
  /** What came after a handshake, or in the clear besides the hello of TLS. */
  heard(): string
}

async function start(t: Test, { pair, tls, answer }: Case): Promise<Liar> {
  let heard = ''
  const server: Server = pair
    ? createServer({ ...pair, requestCert: true, rejectUnauthorized: false, ...tls }, (socket) => {
        socket.on('error', () => undefined).on('data', (data: Buffer) => (heard += data.toString()))
      })
    : createPlain((socket) => {
        socket
          .on('error', () => undefined)
          .on('data', (data: Buffer) => {
            if (data[0] !== 0x16 && data[0] !== 0x15) heard += data.toString()
          })
        if (answer) socket.write(answer, 'latin1')
      })
  const sockets = new Set<import('node:net').Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, heard: () => heard }
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

for (const [what, lie] of Object.entries(CASES)) {
  t.test(`a server with a certificate or words that are ${what}: refused, and told nothing`, async (t) => {
    const liar = await start(t, lie)
    const limits = { deadlineMs: lie.reason.test('timeout') ? 1_000 : 20_000 }
    const at = { ...target(liar.port), ...(lie.ca ? { ca: lie.ca } : {}) }
    const connection = new EngineConnection(at)
    t.teardown(() => connection.close())
    for (const work of [
      () => probeEngine({ ...at, ...limits }),
      () => connection.text('/version', limits),
      () => connection.send('POST', '/build', { secret: 'x' }, limits),
    ]) {
      const error = await failure(work())
      t.ok(error instanceof EngineProbeError)
      t.match(error, { reason: lie.reason, message: lie.text })
    }
    t.ok(
      await failure(probeEngine({ ...at, ...limits, trusts: isPlainlyTrusted })),
      'the quick look says no too',
    )
    t.equal(liar.heard(), '')
  })
}

t.test('the server of these cases is believed when it tells the truth', async (t) => {
  const honest = await start(t, { pair: mine.server, reason: /./, text: /./ })
  for (const trusts of [undefined, isPlainlyTrusted]) {
    const at = { ...target(honest.port), ...(trusts ? { trusts } : {}) }
    t.match(await failure(probeEngine({ ...at, deadlineMs: 800 })), { layer: 'http', reason: 'timeout' })
  }
  t.match(honest.heard(), /^GET \/version[^]*GET \/version/)
})
