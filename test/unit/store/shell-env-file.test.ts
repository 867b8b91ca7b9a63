import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { MachineRecord } from '../../../src/contracts/record.js'
import { renderShellEnv, shellEnvIsCurrent } from '../../../src/store/shell-env-file.js'
import { Store } from '../../../src/store/store.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { firstFiles, testMapping, withIp } from '../../helpers/records.js'

const FILES = ['config.json', 'tsmachine.json']

/** A store that keeps the address of its machines for shells; undefined for one that is not running. */
function addressStore(t: Test): Store {
  const addressOf = ({ config }: MachineRecord) => {
    const address = config.Driver['IPAddress']
    return typeof address === 'string' ? address : ''
  }
  return new Store(scratchDir(t), {
    shellEnv: async (record) => (addressOf(record) === '' ? undefined : addressOf(record)),
  })
}

/** The record was written some time ago. */
function age(dir: string, ms: number): void {
  const then = new Date(Date.now() - ms)
  for (const file of FILES) utimesSync(join(dir, file), then, then)
}

t.test('every write of a record makes the file, and one after which env fails takes it away', async (t) => {
  const store = addressStore(t)
  const file = join(store.dir('web'), 'shell-env')
  await store.create('web', firstFiles(store.root, 'web'))
  t.equal(readFileSync(file, 'utf8'), '192.0.2.1')
  t.equal(statSync(file).mode & 0o777, 0o600)
  await store.update('web', testMapping, withIp('192.0.2.2'))
  t.equal(readFileSync(file, 'utf8'), '192.0.2.2')
  await store.update('web', testMapping, withIp(''))
  t.notOk(existsSync(file))
  t.same(
    readdirSync(store.dir('web')).filter((name) => name.startsWith('.')),
    [],
    'nothing unfinished is left',
  )
})

t.test('what changes the record while it is read is newer than the file', async (t) => {
  const store = addressStore(t)
  await store.create('web', firstFiles(store.root, 'web'))
  const dir = store.dir('web')
  age(dir, 60_000)
  await renderShellEnv(dir, async () => 'old')
  t.ok(shellEnvIsCurrent(dir))
  await renderShellEnv(dir, async () => {
    writeFileSync(join(dir, 'config.json'), 'another program was here')
    return 'old'
  })
  t.equal(readFileSync(join(dir, 'shell-env'), 'utf8'), 'old')
  t.notOk(shellEnvIsCurrent(dir))
  const [made, changed] = ['shell-env', 'config.json'].map((name) =>
    statSync(join(dir, name), { bigint: true }),
  )
  t.ok((made?.mtimeNs ?? 1n) <= (changed?.mtimeNs ?? 0n), 'its time is from before the record was read')
})

t.test('readers make it again for a record of ours that was changed, and only then', async (t) => {
  const store = addressStore(t)
  await store.create('web', firstFiles(store.root, 'web'))
  const file = join(store.dir('web'), 'shell-env')
  writeFileSync(file, 'kept')
  age(store.dir('web'), 60_000)
  await store.refreshShellEnv(store.get('web'))
  t.equal(readFileSync(file, 'utf8'), 'kept')
  age(store.dir('web'), 0)
  await store.refreshShellEnv(store.get('web'))
  t.equal(readFileSync(file, 'utf8'), '192.0.2.1')
  const { ledger: _ours, ...theirs } = store.get('web')
  writeFileSync(file, 'kept')
  age(store.dir('web'), -60_000)
  await store.refreshShellEnv(theirs)
  t.equal(readFileSync(file, 'utf8'), 'kept', 'nothing is written for a machine of docker-machine')
})

t.test('a file that cannot be written is no failure of the verb', async (t) => {
  const store = new Store(scratchDir(t), { shellEnv: () => Promise.reject(new Error('no driver')) })
  await store.create('web', firstFiles(store.root, 'web'))
  await store.update('web', testMapping, withIp('192.0.2.2'))
  await store.refreshShellEnv(store.get('web'))
  t.same(readdirSync(store.dir('web')).toSorted(), FILES.toSorted())
  await renderShellEnv(join(store.root, 'nowhere'), async () => 'text')
  if (process.getuid?.() === 0) return
  chmodSync(store.dir('web'), 0o500)
  await renderShellEnv(store.dir('web'), async () => 'text')
  chmodSync(store.dir('web'), 0o700)
})
