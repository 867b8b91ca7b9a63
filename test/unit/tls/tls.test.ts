import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import forge from 'node-forge'
import t, { type Test } from 'tap'
import type { Clock } from '../../../src/contracts/clock.js'
import { certifiedAddress } from '../../../src/drivers/common/recorded/certified-address.js'
import { ensureCa, settleAuthority } from '../../../src/tls/authority.js'
import { writeCertificate } from '../../../src/tls/certificate.js'
import { CA, certificatePlace, CLIENT, copyClientFiles } from '../../../src/tls/files.js'
import { certificateInfo, isSignedBy, needsRenewal } from '../../../src/tls/inspect.js'
import { keyPem, newKey } from '../../../src/tls/keys.js'
import { ipBytes, normalSans } from '../../../src/tls/names.js'
import { issueServer } from '../../../src/tls/server.js'

const DAY = 86_400_000
const START = Date.UTC(2026, 10, 21)

function clockAt(days: number): Clock {
  const now = new Date(START + days * DAY)
  return { monotonicMs: () => 0, now: () => now, sleep: () => Promise.resolve() }
}

function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-tls-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function text(dir: string, name: string): string {
  return readFileSync(join(dir, name), 'utf8')
}

async function fresh(t: Test, days = 0): Promise<{ dir: string; said: string[] }> {
  const dir = join(tempDir(t), 'certs')
  const said: string[] = []
  await ensureCa(dir, { clock: clockAt(days), report: (line) => said.push(line) })
  return { dir, said }
}

t.test(
  'the first call makes CA and client pair with the right names, modes and words; the second changes nothing',
  async (t) => {
    const { dir, said } = await fresh(t)
    t.same(said, [
      `Creating CA: ${join(dir, 'ca.pem')}`,
      `Creating client certificate: ${join(dir, 'cert.pem')}`,
    ])
    t.same(readdirSync(dir).sort(), ['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem'])
    t.equal(statSync(dir).mode & 0o777, 0o700)
    for (const [name, mode] of Object.entries({
      'ca.pem': 0o644,
      'cert.pem': 0o644,
      'ca-key.pem': 0o600,
      'key.pem': 0o600,
    }))
      t.equal(statSync(join(dir, name)).mode & 0o777, mode, name)
    const before = text(dir, 'ca.pem') + text(dir, 'cert.pem')
    let locked = false
    const again = await ensureCa(dir, {
      clock: clockAt(1),
      lock: async () => ((locked = true), { release: async () => undefined }),
    })
    t.equal(text(dir, 'ca.pem') + text(dir, 'cert.pem'), before)
    t.equal(locked, false, 'a complete store takes no lock')
    t.equal(again.caPem, text(dir, 'ca.pem'))
  },
)

t.test(
  'the CA lives 10 years and may only sign; leaves live 825 days, and their names differ from the CA',
  async (t) => {
    const { dir } = await fresh(t)
    const ca = new X509Certificate(text(dir, 'ca.pem'))
    const client = new X509Certificate(text(dir, 'cert.pem'))
    t.equal(ca.ca, true)
    t.equal(client.ca, false)
    t.equal(Date.parse(ca.validTo) - Date.parse(ca.validFrom), 3650 * DAY)
    t.equal(Date.parse(client.validTo) - Date.parse(client.validFrom), 825 * DAY)
    t.ok(isSignedBy(client, ca))
    t.not(client.subject, ca.subject)
    t.equal(ca.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
    t.same(client.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  },
)

t.test('a server certificate carries each name and address once and only the server purpose', async (t) => {
  const { dir } = await fresh(t)
  const ca = await ensureCa(dir, { clock: clockAt(0) })
  const name = 'w'.repeat(64) + '.example'
  const pair = await issueServer({
    ca,
    name,
    clock: clockAt(0),
    sans: ['127.0.0.1', 'localhost', 'LOCALHOST', '10.0.2.15', '::1', 'fe80::1%eth0', 'bücher.example', name],
  })
  const certificate = new X509Certificate(pair.cert)
  t.ok(certificate.checkPrivateKey(createPrivateKey(pair.key)))
  t.same(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  for (const ip of ['127.0.0.1', '10.0.2.15', '::1', 'fe80::1']) t.ok(certificate.checkIP(ip), ip)
  t.notOk(certificate.checkIP('10.0.2.16'))
  for (const host of ['localhost', name, 'xn--bcher-kva.example']) t.equal(certificate.checkHost(host), host)
  t.equal(certificateInfo(pair.cert).sans.length, 7)
})

t.test(
  'renewal: under 90 days, a new address, another CA and an unreadable file each give their reason',
  async (t) => {
    const { dir } = await fresh(t)
    const ca = await ensureCa(dir, { clock: clockAt(0) })
    const sans = ['127.0.0.1', 'FE80:0::1', 'web']
    const { cert } = await issueServer({ ca, name: 'web', sans, clock: clockAt(0) })
    const reason = (days: number, wanted = sans, caPem = ca.caPem): string | undefined =>
      needsRenewal(cert, { sans: wanted, caPem, now: clockAt(days).now() })
    t.equal(reason(0), undefined)
    t.equal(reason(733), undefined)
    t.match(reason(735), /expires in 89 days/)
    t.match(reason(900), /expired on 2029-02-22/)
    t.match(reason(0, ['web', '192.0.2.7']), /not valid for 192\.0\.2\.7/)
    const other = await fresh(t)
    t.match(reason(0, sans, text(other.dir, 'ca.pem')), /not signed by the CA/)
    t.match(needsRenewal('nonsense', { sans, caPem: ca.caPem }), /cannot be read/)
    t.equal(certificateInfo(cert, { now: clockAt(824).now() }).daysLeft, 0)
  },
)

t.test(
  'an expired CA is made anew with its client pair; a client pair near its end or of another CA is replaced alone',
  async (t) => {
    const { dir } = await fresh(t)
    const first = { ca: text(dir, 'ca.pem'), cert: text(dir, 'cert.pem') }
    await ensureCa(dir, { clock: clockAt(740) })
    t.equal(text(dir, 'ca.pem'), first.ca)
    t.not(text(dir, 'cert.pem'), first.cert)
    const said: string[] = []
    const renewed = await ensureCa(dir, { clock: clockAt(3660), report: (line) => said.push(line) })
    t.equal(said[0], 'CA certificate is outdated and needs to be regenerated')
    t.not(renewed.caPem, first.ca)
    t.equal(certificateInfo(text(dir, 'cert.pem'), { caPem: renewed.caPem }).issuerMatches, true)

    const other = await fresh(t, 3660)
    for (const name of ['cert.pem', 'key.pem']) renameSync(join(other.dir, name), join(dir, name))
    await ensureCa(dir, { clock: clockAt(3660) })
    t.equal(text(dir, 'ca.pem'), renewed.caPem)
    t.equal(certificateInfo(text(dir, 'cert.pem'), { caPem: renewed.caPem }).issuerMatches, true)
  },
)

t.test(
  'half a CA, foreign halves and broken files are errors that name the files; half a client pair is made anew',
  async (t) => {
    const { dir } = await fresh(t)
    rmSync(join(dir, 'key.pem'))
    await ensureCa(dir, { clock: clockAt(0) })
    t.ok(text(dir, 'key.pem'))

    renameSync(join(dir, 'ca.pem'), join(dir, 'kept'))
    await t.rejects(ensureCa(dir), { code: 'tls', message: /ca-key\.pem exists but ca\.pem does not/ })
    renameSync(join(dir, 'kept'), join(dir, 'ca.pem'))
    renameSync(join(dir, 'ca-key.pem'), join(dir, 'kept'))
    await t.rejects(ensureCa(dir), { code: 'tls', message: /ca\.pem exists but ca-key\.pem does not/ })
    writeFileSync(join(dir, 'ca-key.pem'), keyPem(await newKey('ec')))
    await t.rejects(ensureCa(dir), { code: 'tls', message: /do not belong together/ })
    writeFileSync(join(dir, 'ca-key.pem'), 'noise')
    await t.rejects(ensureCa(dir), { code: 'tls', message: /ca-key\.pem is not a private key/ })
    writeFileSync(join(dir, 'ca.pem'), '')
    await t.rejects(ensureCa(dir), { code: 'tls', message: /ca\.pem is not a certificate/ })
  },
)

t.test('a process killed between key and certificate leaves a CA that the next call completes', async (t) => {
  const { dir } = await fresh(t)
  const ca = text(dir, 'ca.pem')
  renameSync(join(dir, CA.cert), join(dir, `${CA.cert}.new`))
  const completed = await ensureCa(dir, { clock: clockAt(0) })
  t.equal(completed.caPem, ca)

  const stray = await fresh(t)
  const client = text(dir, CLIENT.cert)
  writeFileSync(join(dir, `${CLIENT.cert}.new`), text(stray.dir, CLIENT.cert))
  await ensureCa(dir, { clock: clockAt(0) })
  t.equal(text(dir, CLIENT.cert), client, 'a waiting certificate whose key never came is dropped')
  t.same(readdirSync(dir).sort(), ['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem'])
})

t.test('a CA that docker-machine made (RSA, its own subject) goes on, with RSA leaves', async (t) => {
  const dir = tempDir(t)
  // The shape of docker-machine's bootstrap: PKCS#1 key, subject O=user only, its set of key usages.
  execFileSync('openssl', ['genrsa', '-traditional', '-out', join(dir, 'ca-key.pem'), '2048'], {
    stdio: 'ignore',
  })
  execFileSync('openssl', [
    ...[
      'req',
      '-x509',
      '-new',
      '-key',
      join(dir, 'ca-key.pem'),
      '-out',
      join(dir, 'ca.pem'),
      '-days',
      '1080',
    ],
    ...[
      '-sha256',
      '-subj',
      '/O=alice',
      '-addext',
      'keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign',
    ],
  ])
  t.match(text(dir, 'ca-key.pem'), /BEGIN RSA PRIVATE KEY/)
  const before = text(dir, 'ca.pem')
  const ca = await ensureCa(dir)
  t.equal(text(dir, 'ca.pem'), before)
  const pair = await issueServer({ ca, name: 'web', sans: ['127.0.0.1'] })
  t.match(pair.key, /BEGIN RSA PRIVATE KEY/)
  t.equal(certificateInfo(pair.cert, { caPem: before }).issuerMatches, true)
})

t.test('the files of a machine are copies that follow the store', async (t) => {
  const { dir } = await fresh(t)
  const machine = join(tempDir(t), 'machine')
  await copyClientFiles(dir, machine)
  t.same(readdirSync(machine).sort(), ['ca.pem', 'cert.pem', 'key.pem'])
  t.equal(statSync(join(machine, 'key.pem')).mode & 0o777, 0o600)
  await ensureCa(dir, { clock: clockAt(800) })
  await copyClientFiles(dir, machine)
  t.equal(text(machine, 'cert.pem'), text(dir, 'cert.pem'))
  rmSync(join(dir, 'key.pem'))
  await t.rejects(copyClientFiles(dir, machine), { code: 'store', message: /key\.pem/ })
})

t.test('dates from 2050 on are written in their long form', async (t) => {
  const key = await newKey('ec')
  const pem = await writeCertificate({
    purpose: 'ca',
    commonName: 'late',
    key,
    days: 10,
    now: new Date(Date.UTC(2050, 0, 5)),
  })
  const certificate = new X509Certificate(pem)
  t.equal(new Date(certificate.validFrom).toISOString(), '2050-01-04T00:00:00.000Z')
  t.ok(certificate.verify(createPublicKey(key)))
})

t.test('addresses become network bytes, and names one form', async (t) => {
  t.same([...ipBytes('10.0.2.15')], [10, 0, 2, 15])
  t.equal(ipBytes('2001:db8::ff00:42').toString('hex'), '20010db80000000000000000ff000042')
  t.equal(ipBytes('::').toString('hex'), '0'.repeat(32))
  t.equal(ipBytes('1:2:3:4:5:6:7:8').toString('hex'), '00010002000300040005000600070008')
  t.same(normalSans(['A', 'a', '', '[::1]', '0:0:0:0:0:0:0:1']), ['a', '::1'])
})

t.test('a CA whose making was cut is settled without anybody needing one', async (t) => {
  let locks = 0
  const lock = (): Promise<{ release: () => Promise<void> }> =>
    Promise.resolve({ release: () => Promise.resolve(void locks++) })
  const { dir } = await fresh(t)
  await settleAuthority(certificatePlace(dir), lock)
  t.equal(locks, 0, 'nothing to settle: no lock')
  const before = text(dir, CA.cert)
  // Cut after the key was in place.
  renameSync(join(dir, CA.cert), join(dir, `${CA.cert}.new`))
  // Cut before: the certificate that waits is of another key.
  writeFileSync(join(dir, `${CLIENT.cert}.new`), before)
  await settleAuthority(certificatePlace(dir), lock)
  t.equal(locks, 1)
  t.equal(text(dir, CA.cert), before)
  t.strictSame(readdirSync(dir).sort(), [CA.cert, CA.key, CLIENT.cert, CLIENT.key].sort())
})

t.test('a name in an entry of another kind is no name of the certificate', async (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString())
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e)
  certificate.validity.notAfter = new Date(Date.now() + 3_600_000)
  certificate.setSubject([{ name: 'commonName', value: 'web' }])
  certificate.setIssuer([{ name: 'commonName', value: 'web' }])
  const altNames = [
    { type: 2, value: 'web.example' },
    { type: 6, value: 'http://web.example/DNS:evil.example' },
  ]
  certificate.setExtensions([{ name: 'subjectAltName', altNames }])
  certificate.sign(key, forge.md.sha256.create())
  const pem = forge.pki.certificateToPem(certificate)
  t.strictSame(certificateInfo(pem).sans, ['web.example'])
  const dir = t.testdir({ 'server.pem': pem })
  t.equal(certifiedAddress(dir, []), 'web.example')
})
