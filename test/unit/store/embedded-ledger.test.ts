import t from 'tap'
import type { Json } from '../../../src/contracts/json.js'
import { embeddedLedger, LEDGER_FIELD, readEmbeddedLedger } from '../../../src/store/embedded-ledger.js'
import { currentLedger, projectConfig } from '../../../src/store/records.js'
import { firstFiles, testMapping } from '../../helpers/records.js'

const { ledger, config } = firstFiles('/store', 'web')

t.test('a ledger comes out of a state as it went in, without what ties it to files', async (t) => {
  const whole = { ...ledger, configHash: 'a', replacedHash: 'b', configStamp: 'c' }
  const embedded = embeddedLedger(whole)
  t.notHas(embedded, { configHash: 'a' })
  t.notHas(embedded, { replacedHash: 'b' })
  t.notHas(embedded, { configStamp: 'c' })
  t.same(readEmbeddedLedger({ [LEDGER_FIELD]: embedded }), { ...ledger, configHash: '' })
})

t.test('anything else in its place is no ledger', async (t) => {
  const others: readonly Json[] = [null, 'x', 1, [], {}, { schemaVersion: 1 }]
  for (const field of others) t.equal(readEmbeddedLedger({ [LEDGER_FIELD]: field }), undefined)
  t.equal(readEmbeddedLedger({}), undefined)
})

t.test('where there is no file of ours the one in the state counts', async (t) => {
  const own = { ...ledger, machineId: 'c'.repeat(32) }
  const record = {
    name: 'web',
    dir: '/store/machines/web',
    config: { ...config, Driver: { ...config.Driver, [LEDGER_FIELD]: embeddedLedger(own) } },
  }
  t.equal(currentLedger(record, testMapping).machineId, own.machineId)
  t.equal(currentLedger({ ...record, ledger }, testMapping).machineId, ledger.machineId)
})

t.test('a record that holds one holds the newest', async (t) => {
  const held = { ...config, Driver: { ...config.Driver, [LEDGER_FIELD]: embeddedLedger(ledger) } }
  const next = projectConfig({ ...ledger, generation: 7 }, held, testMapping)
  t.match(next.Driver[LEDGER_FIELD], { generation: 7 })
  t.notOk(LEDGER_FIELD in projectConfig(ledger, config, testMapping).Driver)
})
