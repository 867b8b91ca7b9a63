import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LedgerRecord } from '../../../src/contracts/record.js'
import { certificateDaysLeft } from '../../../src/machine/certificate-age.js'
import { ensureServerCertificate, serverSans } from '../../../src/machine/certificates.js'
import { createMachine } from '../../../src/machine/create.js'
import { certificatesAreDue, installedCertificate } from '../../../src/machine/due.js'
import { openMachine } from '../../../src/machine/open.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

const DAY_MS = 86_400_000

async function bench(t: Test) {
  const ctx = machineContext({ dir: scratchDir(t) })
  const flagValues = { url: 'tcp://192.0.2.1:2376' }
  await createMachine(ctx, { name: 'web', driver: 'none', flagValues, options: machineOptions() })
  const open = await openMachine(ctx, 'web')
  const { cert } = await ensureServerCertificate(ctx, open)
  const later = (days: number) => ({
    ...ctx,
    clock: { ...ctx.clock, now: () => new Date(Date.now() + days * DAY_MS) },
  })
  const due = (more: Partial<LedgerRecord> = {}, days = 0) =>
    certificatesAreDue(later(days), { ...open, ledger: { ...open.ledger, ...more } }, serverSans(open))
  return { ctx, open, cert, due }
}

t.test('certificates are due near their end, and when the host never got the newer one', async (t) => {
  const { due, cert } = await bench(t)
  const certificate = installedCertificate(cert)
  t.equal(await due(), false, 'a record that does not say what was installed')
  t.equal(await due({ certificate }), false)
  t.equal(await due({ certificate: { ...certificate, sha256: '0'.repeat(64) } }), true)
  t.equal(await due({ certificate }, 825 - 89), true)
})

t.test('the client’s certificate counts as well', async (t) => {
  const { open, due } = await bench(t)
  writeFileSync(join(open.record.dir, 'cert.pem'), 'nonsense')
  t.equal(await due(), true)
})

t.test('days left are those of the certificate that the host has', async (t) => {
  const { open, cert } = await bench(t)
  t.equal(certificateDaysLeft(open, new Date()), 823)
  const certificate = {
    ...installedCertificate(cert),
    notAfter: new Date(Date.now() + 4.5 * DAY_MS).toISOString(),
  }
  t.equal(certificateDaysLeft({ ...open, ledger: { ...open.ledger, certificate } }, new Date()), 4)
})
