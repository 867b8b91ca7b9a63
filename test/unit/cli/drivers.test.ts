import t from 'tap'
import { driverDocument, driverDocuments } from '../../../src/cli/driver-document.js'
import { Drivers } from '../../../src/drivers/registry.js'
import { renderDriver, renderDrivers } from '../../../src/ui/driver-list.js'

const here = new Drivers({ PATH: '' }, () => new AbortController().signal)

t.test('the list names every driver, what it makes and what a create must say', async (t) => {
  const text = renderDrivers(await driverDocuments(here))
  t.match(text, /^NAME +MAKES +REQUIRED\n/)
  t.match(text, /^generic +A Linux host .* --generic-ip-address$/m)
  t.match(text, /^qemu .*[^ ] *$/m)
})

t.test('one driver is told with its abilities and each flag with variable, default and notes', async (t) => {
  const qemu = await driverDocument(here, 'qemu')
  const text = renderDriver(qemu)
  t.match(text, /^ {2}starts, stops and kills machines$/m)
  t.match(text, /^--qemu-memory +QEMU_MEMORY +2048 +Memory of the VM in MB$/m)
  t.match(text, /^--qemu-accel .*\(one of auto, kvm, /m)
  t.match(renderDriver(await driverDocument(here, 'generic')), /^--generic-ip-address .*\(required\)$/m)
  const secret = {
    ...qemu,
    flags: [{ name: 'x-token', type: 'string', summary: 'Token', required: false, secret: true }],
  } as const
  t.match(renderDriver(secret), /^--x-token .*Token \(secret\)$/m)
  await t.rejects(driverDocument(here, 'nosuch'), { code: 'usage', message: /"nosuch" not found/ })
})
