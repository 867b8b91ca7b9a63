import t from 'tap'
import { missingDriver } from '../../../src/drivers/absent/missing.js'
import { absentFactory } from '../../../src/drivers/absent/index.js'
import type { DriverDeps, DriverMachine } from '../../../src/contracts/driver.js'

t.test('what is missing is told by the name that the record has for its driver', (t) => {
  const told = (driver: string, wanted: string, isOurs = false): string => {
    const { text, hints } = missingDriver({ driver, wanted, isOurs })
    return [text, ...hints].join('\n')
  }
  const program = told('none', 'docker-machine:none')
  t.match(
    program,
    /docker-machine's own program.*"none"[^]*TSMACHINE_LEGACY_BINARY=\/path\/to\/docker-machine/,
  )
  t.notMatch(program, 'docker-machine-driver-none')
  const plugin = told('linode', 'linode')
  t.match(plugin, /in your PATH\?\n.*docker-machine-driver-linode on PATH\.$/)
  t.notMatch(plugin, /LEGACY_BINARY|driver install/)
  t.match(told('azure', 'azure'), /docker-machine-driver-azure on PATH, or docker-machine \(TSMACHINE_LEGACY/)
  t.match(told('acme', 'acme', true), /\n.*tsmachine driver install tsmachine-driver-acme$/)
  const folder = told('acme', '/home/alice/acme', true)
  t.match(folder, /no package at \/home\/alice\/acme/)
  t.notMatch(folder, 'driver install')
  t.end()
})

t.test("hints name the machine, and rm's own hint is not doubled", async (t) => {
  const record = { driver: 'none', wanted: 'docker-machine:none', isOurs: false, fields: {}, sans: [] }
  const driver = await absentFactory(record).open({} as DriverDeps)
  const web: DriverMachine = {
    name: 'web',
    id: '1',
    storeId: 's',
    dir: '/nowhere',
    config: {},
    resources: [],
  }
  const signal = new AbortController().signal
  await t.rejects(driver.states([web], signal), {
    message: /driver not here/,
    hints: [/LEGACY/, /at its/, /inspect/, /rm -f web$/],
  })
  const removed = driver.remove(web, signal)[Symbol.asyncIterator]().next()
  const refusal: unknown = await removed.catch((error: unknown) => error)
  t.match(refusal, { message: /known as MachineName web/ })
  t.notMatch(JSON.stringify(refusal), 'rm -f')
})
