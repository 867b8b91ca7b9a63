import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Store } from '../../../src/store/store.js'
import { countedReads } from '../../helpers/counted-reads.js'
import { dockerMachineRecord, firstFiles, testMapping, withIp } from '../../helpers/records.js'

async function storeOf(t: Test, count: number): Promise<Store> {
  const store = new Store(t.testdir())
  for (let index = 0; index < count; index++)
    await store.create(`m${index}`, firstFiles(store.root, `m${index}`))
  return store
}

/** As docker-machine leaves it: one file. */
function foreignRecord(store: Store, name: string, text = dockerMachineRecord('none')): string {
  mkdirSync(store.dir(name), { recursive: true })
  writeFileSync(join(store.dir(name), 'config.json'), text)
  return name
}

t.test('each record is read once: two files and no more, however many there are', async (t) => {
  for (const count of [1, 10, 40]) {
    const store = await storeOf(t, count)
    const names = countedReads(() => t.equal(store.namesByWholeness().whole.length, count))
    t.same(names, { readdirSync: 1, readFileSync: 2 * count, lstatSync: count }, `${count} names`)
    const records = countedReads(() => t.equal(store.readAll().length, count))
    // One is opened first, for its stamp.
    t.same(records, { readdirSync: 1, readFileSync: 2 * count, openSync: count }, `${count} records`)
  }
})

t.test('a name is listed as whole exactly where the record is', async (t) => {
  const store = await storeOf(t, 3)
  const files = (name: string, texts: Readonly<Record<string, string>>): void => {
    mkdirSync(store.dir(name), { recursive: true })
    for (const [file, text] of Object.entries(texts)) writeFileSync(join(store.dir(name), file), text)
  }
  const foreign = dockerMachineRecord('none')
  foreignRecord(store, 'by-docker-machine')
  foreignRecord(store, 'old', JSON.stringify({ ConfigVersion: 1, DriverName: 'none' }))
  foreignRecord(store, 'future', foreign.replace('"ConfigVersion": 3', '"ConfigVersion": 4'))
  foreignRecord(store, 'moved', foreign.replaceAll(/"StorePath": "[^"]*"/g, '"StorePath": "/elsewhere"'))
  foreignRecord(store, 'no-driver', '{"ConfigVersion": 3}')
  files('no-config', { 'tsmachine.json': '{}' })
  files('no-ledger', { 'config.json': foreign, 'tsmachine.json': '{' })
  files('folder', {})
  mkdirSync(join(store.dir('folder'), 'config.json'))
  files('nothing', {})
  const { config } = firstFiles(store.root, 'm0')
  await store.update('m1', testMapping, withIp('192.0.2.7'))
  foreignRecord(store, 'm1', JSON.stringify({ ...config, DriverName: 5 }))
  // A crash between the two writes: the staged text counts, and here it is the only one.
  await store.update('m2', testMapping, withIp('192.0.2.8'))
  renameSync(join(store.dir('m2'), 'config.json'), join(store.dir('m2'), '.config.json.next'))
  const records = store.readAll()
  const names = (isBroken: boolean): readonly string[] =>
    records.filter((record) => 'error' in record === isBroken).map((record) => record.name)
  t.same(store.namesByWholeness(), { whole: names(false), broken: names(true) })
  t.same(names(false), ['by-docker-machine', 'm0', 'm2', 'moved', 'old'])
})

t.test('a machine that goes while names are listed is neither whole nor broken', async (t) => {
  const store = await storeOf(t, 1)
  foreignRecord(store, 'gone', '{')
  const exists = store.exists.bind(store)
  store.exists = (name) => name !== 'gone' && exists(name)
  t.same(store.namesByWholeness(), { whole: ['m0'], broken: [] })
})
