import t from 'tap'
import { contractFault, driverOf, requireSound } from '../../../../src/drivers/package/check.js'
import { defineDriver } from '../../../../src/drivers/package/kit/index.js'
import { describe } from '../../../../src/drivers/process/calls.js'

const driver = defineDriver({
  contract: '1.0.0',
  name: 'acme',
  summary: 'Servers of Acme',
  flags: [{ name: 'acme-token', key: 'token', type: 'string', summary: 'Token' }],
  open: () => Promise.reject(new Error('not asked for')),
})
const description = { ...describe(driver.factory), contract: '1.0.0', hasStandardEndpoint: true }

t.test('a contract of the same first number and no higher second one is understood', async (t) => {
  for (const wanted of ['1.0.0', '1.2.0', '1.2.9', '1.2.0-rc.1'])
    t.equal(contractFault(wanted, '1.2.3'), undefined)
  t.match(contractFault('1.3.0', '1.2.3'), /written for driver contract 1\.3\.0, .* update tsmachine/)
  t.match(contractFault('2.0.0', '1.2.3'), /update tsmachine/)
  t.match(contractFault('1.9.0', '2.0.0'), /ask its author/)
  for (const wanted of [undefined, 1, '', '1', '1.0', 'v1.0.0', '^1.0.0'])
    t.match(contractFault(wanted, '1.2.3'), /names no contract version like "1\.2\.3"/)
})

t.test('what has no export of defineDriver is no driver', async (t) => {
  const refused = (exports: Record<string, unknown>, message: RegExp): void => {
    t.throws(() => driverOf(exports, 'here'), { code: 'driver', message })
  }
  refused({}, /^here is no driver that can be used: it has no export "driver"$/)
  refused({ default: 7 }, /no export "driver"/)
  refused({ driver: {} }, /names no contract version/)
  refused({ driver: { contract: '1.0.0' } }, /was not made by defineDriver/)
  refused({ driver: { contract: '1.0.0', factory: { name: 'x' } } }, /was not made by defineDriver/)
  t.equal(driverOf({ driver }, 'here').factory, driver.factory)
  t.equal(driverOf({ default: { driver } }, 'here').factory, driver.factory, 'a CommonJS module')
})

t.test('nothing but the version is looked at in a driver for another contract', async (t) => {
  const touched: string[] = []
  const other = {
    contract: '9.0.0',
    get factory() {
      touched.push('factory')
      return undefined
    },
  }
  t.throws(() => driverOf({ driver: other }, 'here'), { message: /driver contract 9\.0\.0/ })
  t.strictSame(touched, [])
})

t.test('all faults of what a driver says of itself come together', async (t) => {
  t.equal(requireSound(description, 'here'), description)
  const [flag] = description.flags
  const bad = {
    ...description,
    name: 'Ac/me',
    summary: ' ',
    flags: flag ? [flag, flag, { ...flag, name: 'driver' }] : [],
  }
  t.throws(() => requireSound(bad, 'here'), {
    code: 'driver',
    message:
      /"Ac\/me" is no name.*no summary.*--driver does not begin with --Ac\/me-.*it has --acme-token twice/,
  })
})
