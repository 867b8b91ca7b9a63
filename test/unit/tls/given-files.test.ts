import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newHostRecord, recordedFiles } from '../../../src/store/records.js'
import { ensureCa } from '../../../src/tls/authority.js'
import { certificatePlace, copyClientFiles } from '../../../src/tls/files.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const clockAt = (days: number): FakeClock => new FakeClock(new Date(Date.UTC(2026, 10, 21 + days)))

t.test('files that are named are made where they are missing, and used where they are', async (t) => {
  const dir = t.testdir()
  const given = {
    caCert: join(dir, 'a/root.crt'),
    caKey: join(dir, 'b/root.key'),
    clientCert: join(dir, 'c/me.crt'),
    clientKey: join(dir, 'c/me.key'),
  }
  const said: string[] = []
  const place = certificatePlace(join(dir, 'certs'), given)
  const made = await ensureCa(place, { clock: clockAt(0), report: (line) => said.push(line) })
  t.same(said, [`Creating CA: ${given.caCert}`, `Creating client certificate: ${given.clientCert}`])
  t.equal(readFileSync(given.caCert, 'utf8'), made.caPem)
  t.equal(readFileSync(given.clientKey, 'utf8'), made.client.key)
  const again = await ensureCa(place, { clock: clockAt(1), report: () => t.fail('nothing is made again') })
  t.equal(again.caPem, made.caPem)
  await copyClientFiles(place, join(dir, 'machine'))
  t.equal(readFileSync(join(dir, 'machine/ca.pem'), 'utf8'), made.caPem)
  t.equal(readFileSync(join(dir, 'machine/cert.pem'), 'utf8'), made.client.cert)
  t.equal(readFileSync(join(dir, 'machine/key.pem'), 'utf8'), made.client.key)
})

t.test('a file that the user named is never replaced', async (t) => {
  const dir = t.testdir()
  mkdirSync(join(dir, 'mine'))
  const other = await ensureCa(join(dir, 'other'), { clock: clockAt(0) })
  const given = { clientCert: join(dir, 'mine/me.crt'), clientKey: join(dir, 'mine/me.key') }
  writeFileSync(given.clientCert, other.client.cert)
  writeFileSync(given.clientKey, other.client.key)
  const place = certificatePlace(join(dir, 'certs'), given)
  await t.rejects(ensureCa(place, { clock: clockAt(0) }), {
    code: 'tls',
    message: `The client certificate ${given.clientCert} is not signed by the CA`,
  })
  t.equal(readFileSync(given.clientCert, 'utf8'), other.client.cert)
  const theirs = certificatePlace(join(dir, 'certs'), {
    ...given,
    caCert: join(dir, 'other/ca.pem'),
    caKey: join(dir, 'other/ca-key.pem'),
  })
  // Near its end ours would be renewed; theirs is used as long as it is valid.
  t.equal((await ensureCa(theirs, { clock: clockAt(820) })).client.cert, other.client.cert)
  await t.rejects(ensureCa(theirs, { clock: clockAt(830) }), { message: /me\.crt has expired/ })
  await t.rejects(ensureCa(theirs, { clock: clockAt(3660) }), {
    message: /The CA certificate .* has expired/,
  })
  t.equal(readFileSync(join(dir, 'other/ca.pem'), 'utf8'), other.caPem)
})

t.test('a record names the files that its machine was made with', async (t) => {
  const first = {
    name: 'web',
    store: '/store',
    driverName: 'none',
    driverFields: {},
    options: {
      engine: { opts: [], labels: [], insecureRegistries: [], registryMirrors: [], env: [], registryCas: {} },
      tlsSans: [],
    },
  }
  const usual = newHostRecord(first).HostOptions.AuthOptions
  t.same(recordedFiles(usual), {})
  t.match(usual, { CaCertPath: '/store/certs/ca.pem', ClientKeyPath: '/store/certs/key.pem' })
  const tlsFiles = { caCert: '/x/ca.pem', caKey: '/x/k', clientCert: '/x/c', clientKey: '/x/ck' }
  const named = newHostRecord({ ...first, tlsFiles }).HostOptions.AuthOptions
  t.match(named, { CaCertPath: '/x/ca.pem', CaPrivateKeyPath: '/x/k', CertDir: '/store/certs' })
  t.same(recordedFiles(named), tlsFiles)
  t.same(recordedFiles({ ...usual, CertDir: '' }), {}, 'a record without CertDir')
})
