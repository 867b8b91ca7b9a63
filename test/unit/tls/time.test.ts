/** Certificates and the calendar: what is of the future, near its end, or bounded by its CA's. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Clock } from '../../../src/contracts/clock.js'
import { ensureCa } from '../../../src/tls/authority.js'
import { certificatePlace } from '../../../src/tls/files.js'
import { certificateInfo, needsRenewal } from '../../../src/tls/inspect.js'
import { issueServer } from '../../../src/tls/server.js'
import { scratchDir } from '../../helpers/driver-deps.js'

const DAY = 86_400_000
const START = Date.UTC(2026, 10, 21)

function clockAt(days: number): Clock {
  const now = new Date(START + days * DAY)
  return { monotonicMs: () => 0, now: () => now, sleep: () => Promise.resolve() }
}

const sans = ['127.0.0.1']

async function fresh(t: Test, days = 0) {
  const dir = join(scratchDir(t), 'certs')
  await ensureCa(dir, { clock: clockAt(days) })
  const text = (name: string) => readFileSync(join(dir, name), 'utf8')
  return { dir, text }
}

t.test('a certificate of the future is renewed: its maker’s clock was wrong', async (t) => {
  const { dir } = await fresh(t)
  const ca = await ensureCa(dir, { clock: clockAt(0) })
  const { cert } = await issueServer({ ca, name: 'web', sans, clock: clockAt(400) })
  t.match(needsRenewal(cert, { sans, caPem: ca.caPem, now: clockAt(0).now() }), /not valid before 2027-12-25/)
  t.equal(needsRenewal(cert, { sans, caPem: ca.caPem, now: clockAt(399).now() }), undefined)
})

t.test('a client pair of the future is made anew; one that the user named is refused', async (t) => {
  const { dir, text } = await fresh(t)
  await ensureCa(dir, { clock: clockAt(400), freshClient: true })
  const early = text('cert.pem')
  const given = certificatePlace(dir, { clientCert: join(dir, 'cert.pem'), clientKey: join(dir, 'key.pem') })
  await t.rejects(ensureCa(given, { clock: clockAt(0) }), { code: 'tls', message: /is not valid yet/ })
  t.equal(text('cert.pem'), early)
  await ensureCa(dir, { clock: clockAt(0) })
  t.not(text('cert.pem'), early)
  t.ok(certificateInfo(text('cert.pem')).notBefore <= clockAt(0).now())
})

t.test('a CA of the future is no reason to drop it: which clock is wrong only the user knows', async (t) => {
  const { dir, text } = await fresh(t, 400)
  const before = text('ca.pem')
  await t.rejects(ensureCa(dir, { clock: clockAt(0) }), {
    code: 'tls',
    message: /ca\.pem is not valid before 2027-12-25.*2026-11-21/,
    hints: [/clock.*date/, /regenerate-certs --ca/],
  })
  t.equal(text('ca.pem'), before)
  await ensureCa(dir, { clock: clockAt(0), freshCa: true })
  t.not(text('ca.pem'), before)
  await ensureCa(dir, { clock: clockAt(0) })
})

t.test('no certificate outlives its CA, and near its end none is renewed in vain', async (t) => {
  const { dir, text } = await fresh(t)
  const ended = new X509Certificate(text('ca.pem')).validTo
  const ca = await ensureCa(dir, { clock: clockAt(3600) })
  const { cert } = await issueServer({ ca, name: 'web', sans, clock: clockAt(3600) })
  for (const pem of [cert, text('cert.pem')]) t.equal(new X509Certificate(pem).validTo, ended)
  t.equal(needsRenewal(cert, { sans, caPem: ca.caPem, now: clockAt(3601).now() }), undefined)
  const client = text('cert.pem')
  await ensureCa(dir, { clock: clockAt(3601) })
  t.equal(text('cert.pem'), client)
})

t.test('a new CA is made when it is asked for, with a client pair of it; the user’s own stays', async (t) => {
  const { dir, text } = await fresh(t)
  const before = text('ca.pem')
  const said: string[] = []
  const { caPem } = await ensureCa(dir, {
    clock: clockAt(1),
    freshCa: true,
    report: (line) => said.push(line),
  })
  t.not(caPem, before)
  t.equal(text('ca.pem'), caPem)
  t.match(said, [/^Creating CA/, /^Creating client certificate/])
  t.equal(certificateInfo(text('cert.pem'), { caPem }).issuerMatches, true)
  const given = certificatePlace(dir, { caCert: join(dir, 'ca.pem'), caKey: join(dir, 'ca-key.pem') })
  t.equal((await ensureCa(given, { clock: clockAt(1), freshCa: true })).caPem, caPem)
})

t.test('a CA of the user’s own that has ended is an error that says what to do', async (t) => {
  const { dir } = await fresh(t)
  const given = certificatePlace(dir, { caCert: join(dir, 'ca.pem'), caKey: join(dir, 'ca-key.pem') })
  await t.rejects(ensureCa(given, { clock: clockAt(3660) }), {
    code: 'tls',
    message: /has expired/,
    hints: [/never replaced.*--tls-ca-cert/],
  })
})
