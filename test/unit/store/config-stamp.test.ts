/** The stamp that stands in for the hash of `config.json`, and that it never stands in for that of another text. */
import { copyFileSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Store } from '../../../src/store/store.js'
import type { LedgerRecord, MachineRecord } from '../../../src/contracts/record.js'
import { firstFiles, testMapping, withIp } from '../../helpers/records.js'

interface Made {
  readonly store: Store
  readonly config: string
  readonly ledger: () => LedgerRecord
  readonly read: () => MachineRecord
}

async function made(t: Test): Promise<Made> {
  const root = t.testdir()
  const store = new Store(root)
  await store.create('web', firstFiles(root, 'web'))
  const dir = store.dir('web')
  return {
    store,
    config: join(dir, 'config.json'),
    ledger: () => JSON.parse(readFileSync(join(dir, 'tsmachine.json'), 'utf8')) as LedgerRecord,
    read: () => store.get('web'),
  }
}

/** Of the same length, so that only its time and its place differ. */
function otherText(config: string): string {
  return readFileSync(config, 'utf8').replace('192.0.2.1"', '192.0.2.7"')
}

t.test('the ledger knows its config.json by the stamp alone', async (t) => {
  const { store, config, ledger } = await made(t)
  const { ino, size, mtimeNs } = statSync(config, { bigint: true })
  t.equal(ledger().configStamp, `${ino} ${size} ${mtimeNs}`)
  // With a hash that fits nothing only the stamp can tell.
  const file = join(store.dir('web'), 'tsmachine.json')
  writeFileSync(file, JSON.stringify({ ...ledger(), configHash: 'none' }))
  t.notOk(store.get('web').foreign)
  writeFileSync(file, JSON.stringify({ ...ledger(), configHash: 'none', configStamp: undefined }))
  t.ok(store.get('web').foreign)
})

t.test(
  'what is written in the same instant is seen, in place and by a file that takes its place',
  async (t) => {
    const { store, config, read } = await made(t)
    writeFileSync(config, otherText(config))
    t.ok(read().foreign)
    t.equal(read().config.Driver['IPAddress'], '192.0.2.7')
    await store.update('web', testMapping, withIp('192.0.2.1'))
    t.notOk(read().foreign)
    writeFileSync(`${config}.new`, otherText(config))
    renameSync(`${config}.new`, config)
    t.ok(read().foreign)
  },
)

t.test('a copy with the same time, and a file whose time is in whole seconds, are hashed', async (t) => {
  const { store, config, read, ledger } = await made(t)
  const { atime, mtime } = statSync(config)
  const text = otherText(config)
  copyFileSync(config, `${config}.copy`)
  writeFileSync(`${config}.copy`, text)
  utimesSync(`${config}.copy`, atime, mtime)
  renameSync(`${config}.copy`, config)
  t.ok(read().foreign, 'another inode')

  await store.update('web', testMapping, withIp('192.0.2.1'))
  utimesSync(config, 1_700_000_000, 1_700_000_000)
  t.notOk(read().foreign, 'the hash tells')
  const { ino, size, mtimeNs } = statSync(config, { bigint: true })
  const file = join(store.dir('web'), 'tsmachine.json')
  const stamped = { ...ledger(), configStamp: `${ino} ${size} ${mtimeNs}` }
  writeFileSync(file, JSON.stringify({ ...stamped, configHash: 'none' }))
  t.ok(read().foreign, 'whole seconds prove nothing')
})

t.test('a text that stays keeps its stamp, and gets none that it had not', async (t) => {
  const { store, config, ledger } = await made(t)
  const before = ledger().configStamp
  await store.update('web', testMapping, (known) => ({ ...known, phase: 'ready' }))
  t.equal(ledger().configStamp, before)
  const text = readFileSync(config)
  writeFileSync(config, text)
  await store.update('web', testMapping, (known) => ({ ...known, phase: 'ready' }))
  t.equal(ledger().configStamp, undefined)
  t.notOk(store.get('web').foreign)
})
