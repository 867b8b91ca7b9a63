import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import { askOnce } from '../../../src/engine/ask-once.js'
import { isPlainlyTrusted } from '../../../src/engine/plain-trust.js'
import type { EngineTarget } from '../../../src/engine/target.js'
import { writeCertificate } from '../../../src/tls/certificate.js'
import type { PemPair } from '../../../src/tls/files.js'
import { readCertificate } from '../../../src/tls/inspect.js'
import { newKey } from '../../../src/tls/keys.js'
import { type TestCertificates, testCertificates } from '../../helpers/certificates.js'

const YEARS = 365 * 86_400_000

async function certificates(options: Parameters<typeof testCertificates>[0] = {}): Promise<TestCertificates> {
  const made = await testCertificates(options)
  t.teardown(() => made.remove())
  return made
}

/** An engine that shows a certificate, as those would reach it who trust `trusted`. It counts what it is asked. */
async function engine(
  t: Test,
  server: PemPair,
  trusted: TestCertificates,
): Promise<{ target: EngineTarget; asked: () => number }> {
  let asked = 0
  const options = { ...server, ca: trusted.ca.caPem, requestCert: true, rejectUnauthorized: true }
  const listener = createServer(options, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      asked++
      socket.end('HTTP/1.0 200 OK\r\n\r\nhello')
    })
  })
  listener.on('tlsClientError', () => undefined)
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => void listener.close())
  const { port } = listener.address() as AddressInfo
  const pem = (name: string): Buffer => readFileSync(join(trusted.dir, name))
  const files = { ca: pem('ca.pem'), cert: pem('cert.pem'), key: pem('key.pem') }
  return { target: { host: '127.0.0.1', port, ...files }, asked: () => asked }
}

const ask = async (target: EngineTarget): Promise<string> =>
  await askOnce({ ...target, trusts: isPlainlyTrusted }, '/', { deadlineMs: 5_000 })

t.test('a certificate that our one authority signed for this address is trusted', async (t) => {
  const ours = await certificates()
  const { target } = await engine(t, ours.server, ours)
  t.equal(await ask(target), 'hello')
  t.equal(await ask({ ...target, serverName: 'localhost' }), 'hello')
})

t.test('whoever is not plainly the one we look for is sent nothing', async (t) => {
  const ours = await certificates()
  const theirs = await certificates()
  const old = await certificates({ now: new Date(Date.now() - 30 * YEARS) })
  const early = await certificates({ now: new Date(Date.now() + 1 * YEARS) })
  const elsewhere = await certificates({ sans: ['192.0.2.1', 'elsewhere.example'] })
  const client = {
    cert: readFileSync(join(ours.dir, 'cert.pem'), 'utf8'),
    key: readFileSync(join(ours.dir, 'key.pem'), 'utf8'),
  }
  const two = Buffer.concat([
    readFileSync(join(ours.dir, 'ca.pem')),
    readFileSync(join(theirs.dir, 'ca.pem')),
  ])
  const rows: readonly (readonly [
    what: string,
    server: PemPair,
    trusted: TestCertificates,
    more?: object,
  ])[] = [
    ['of another authority', theirs.server, ours],
    ['expired', old.server, old],
    ['not yet valid', early.server, early],
    ['for another address', elsewhere.server, elsewhere],
    ['for another name', ours.server, ours, { serverName: 'other.example' }],
    ['for clients', client, ours],
    ['of one of two authorities', ours.server, ours, { ca: two }],
    ['that is trusted itself', ours.server, ours, { ca: ours.server.cert }],
  ]
  for (const [what, server, trusted, more] of rows) {
    const { target, asked } = await engine(t, server, trusted)
    await t.rejects(ask({ ...target, ...more }), { message: /./, layer: /tls|http/ }, `a certificate ${what}`)
    t.equal(asked(), 0, 'nothing was sent')
  }
})

t.test('a context without authorities is no one else’s', async (t) => {
  const ours = await certificates()
  const theirs = await certificates()
  const { target } = await engine(t, theirs.server, ours)
  await t.rejects(ask(target))
  await t.rejects(askOnce(target, '/', { deadlineMs: 5_000 }), {
    message: /./,
    layer: 'tls',
    reason: 'wrong-ca',
  })
})

type Leaf = Parameters<typeof writeCertificate>[0]

/** An authority that began `days` from now, and what it would sign for us. */
async function authority(days: number): Promise<{ pem: string; request: Leaf }> {
  const now = new Date(Date.now() + days * 86_400_000)
  const [key, own] = [await newKey('ec'), await newKey('ec')]
  const pem = await writeCertificate({ purpose: 'ca', commonName: 'CA', key, days: 3_650, now })
  const signer = { certificate: readCertificate(pem, 'ca'), key }
  const names = { commonName: 'web', sans: ['127.0.0.1'] }
  return { pem, request: { purpose: 'server', ...names, key: own, days: 825, now: new Date(), signer } }
}

t.test('each thing that is looked at is enough to say no, all others being right', async (t) => {
  const { pem, request } = await authority(-900)
  const future = await authority(30)
  const { signer } = request
  if (!signer) throw new TypeError('there is no signer')
  const trusts = (leaf: string, ca = pem): boolean =>
    isPlainlyTrusted(
      { getPeerX509Certificate: () => new X509Certificate(leaf) },
      { host: '127.0.0.1', port: 1, ca, cert: '', key: '' },
    )
  const honest = await writeCertificate(request)
  t.ok(trusts(honest))
  const long = new Date(Date.now() - 899 * 86_400_000)
  const rows: Readonly<Record<string, Partial<Leaf>>> = {
    'signed by another key in the name of ours': { signer: { ...signer, key: await newKey('ec') } },
    'for a client at this address': { purpose: 'client' },
    'that has expired': { now: long },
    'of the future': { now: new Date(Date.now() + 3 * 86_400_000) },
    'for another address': { sans: ['192.0.2.1'] },
  }
  for (const [what, more] of Object.entries(rows))
    t.notOk(trusts(await writeCertificate({ ...request, ...more })), `a certificate ${what}`)
  t.notOk(trusts(await writeCertificate(future.request), future.pem), 'of an authority of the future')
  t.notOk(trusts(honest, pem + future.pem), 'of one of two authorities')
})

t.test('an authority that cannot be read is no verdict, and ends nothing but the question', async (t) => {
  const ours = await certificates()
  const { target, asked } = await engine(t, ours.server, ours)
  const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  await t.rejects(ask({ ...target, ca: damaged }), { name: 'MachineError' })
  t.equal(asked(), 0)
})
