import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Store } from '../../../src/store/store.js'
import { failingOps } from '../../helpers/file-ops.js'
import { dockerMachineRecord, firstFiles, testMapping, withIp } from '../../helpers/records.js'

async function storeWithWeb(root: string): Promise<Store> {
  const store = new Store(root)
  await store.create('web', firstFiles(root, 'web'))
  return store
}

const BAD_CONFIG: Record<string, [string, RegExp]> = {
  'zero bytes': ['', /config\.json is empty \(0 bytes\)/],
  'broken JSON': ['{"ConfigVersion": 3, ', /config\.json is not JSON: .*JSON/],
  'half a file': [dockerMachineRecord('none').slice(0, 700), /config\.json is not JSON/],
  'a list': ['[]', /holds JSON, but no object/],
  'a newer version': ['{"ConfigVersion": 4}', /version 4: config version is from the future/],
  'an older version without a driver': ['{"ConfigVersion": 1}', /config\.json is not a record: DriverName/],
  'no version and no driver': ['{"Driver": {}}', /config\.json is not a record: DriverName/],
  'a driver that is a text': [
    dockerMachineRecord('none').replace(/"Driver": \{[^}]*\}/, '"Driver": "x"'),
    /config\.json is not a record: Driver: /,
  ],
  'binary rubbish': ['\0\u0001\ufffd', /is not JSON/],
}
const BAD_LEDGER: Record<string, [string, RegExp]> = {
  'zero bytes in the ledger': ['', /tsmachine\.json is empty/],
  'a broken ledger': ['{', /tsmachine\.json is not JSON/],
  'a newer ledger': ['{"schemaVersion": 2}', /tsmachine\.json has schema version 2, this program reads 1/],
  'a ledger without its parts': ['{"schemaVersion": 1}', /tsmachine\.json is not a record: machineId/],
}

t.test('a bad record is a row that says what is wrong, and all others work', async (t) => {
  const root = t.testdir()
  const store = await storeWithWeb(root)
  const cases = [
    ...Object.entries(BAD_CONFIG).map(([why, [text, words]]) => ({ why, file: 'config.json', text, words })),
    ...Object.entries(BAD_LEDGER).map(([why, [text, words]]) => ({
      why,
      file: 'tsmachine.json',
      text,
      words,
    })),
  ]
  for (const [index, { file, text }] of cases.entries()) {
    await store.create(`bad-${index}`, firstFiles(root, `bad-${index}`))
    writeFileSync(join(store.dir(`bad-${index}`), file), text)
  }
  mkdirSync(store.dir('empty'))
  mkdirSync(join(store.dir('folder'), 'config.json'), { recursive: true })
  for (const [index, { why, words }] of cases.entries()) {
    t.match(store.read(`bad-${index}`), { name: `bad-${index}`, error: words }, why)
    t.throws(
      () => store.get(`bad-${index}`),
      { code: 'store', message: words, hints: [/Look at/, /rm -f/] },
      why,
    )
  }
  t.match(store.read('empty'), { error: 'config.json is missing' })
  t.match(store.read('folder'), { error: 'config.json cannot be read: it is a directory' })
  t.equal(store.readAll().length, cases.length + 3)
  t.equal(store.readAll().filter((record) => !('error' in record)).length, 1)
  t.match(await store.update('web', testMapping, withIp('192.0.2.9')), { ledger: { generation: 1 } })
})

t.test('where only config.json is bad, the ledger still tells what was made', async (t) => {
  const store = await storeWithWeb(t.testdir())
  writeFileSync(join(store.dir('web'), 'config.json'), '')
  const record = store.read('web')
  t.match(record, { error: /empty/, ledger: { machineId: 'ab'.repeat(16) } })
})

t.test('whichever operation of an update fails, the error says why and one whole record stays', async (t) => {
  const probe = failingOps({ at: -1, code: 'none' })
  const counted = new Store(t.testdir(), { files: probe.ops })
  await counted.create('web', firstFiles(counted.root, 'web'))
  const ofCreate = probe.count()
  await counted.update('web', testMapping, withIp('192.0.2.2'))
  const ofUpdate = probe.count() - ofCreate
  t.ok(ofUpdate > 15)
  for (let at = 1; at <= ofUpdate; at++) {
    const store = await storeWithWeb(t.testdir())
    const broken = new Store(store.root, { files: failingOps({ at, code: 'ENOSPC' }).ops })
    await t.rejects(broken.update('web', testMapping, withIp('192.0.2.2')), {
      code: 'store',
      message: /the disk is full/,
    })
    const record = store.get('web')
    t.equal(record.foreign, undefined)
    const ip = record.ledger?.generation === 1 ? '192.0.2.2' : '192.0.2.1'
    t.match(
      record,
      { config: { Driver: { IPAddress: ip } }, ledger: { driver: { config: { ip } } } },
      `operation ${at}`,
    )
    await store.update('web', testMapping, withIp('192.0.2.3'))
    t.strictSame(readdirSync(store.dir('web')).sort(), ['config.json', 'tsmachine.json'])
  }
  for (let at = 1; at <= ofCreate; at++) {
    const store = new Store(t.testdir(), { files: failingOps({ at, code: 'EROFS' }).ops })
    const outcome = await store.create('web', firstFiles(store.root, 'web')).then(
      () => 'made',
      (error: Error) => error.message,
    )
    t.match(outcome, /read-only/, `operation ${at} of create`)
    const left = existsSync(join(store.root, 'machines')) ? readdirSync(join(store.root, 'machines')) : []
    t.ok(left.length === 0 || (left.length === 1 && !('error' in store.read('web'))), `left: ${left.join()}`)
  }
})
