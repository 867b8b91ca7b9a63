import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StoreDesk } from '../../../src/store/account-desk.js'
import { moveHome, readFormerIds } from '../../../src/store/store-home.js'
import { Store } from '../../../src/store/store.js'
import { TurnFile } from '../../../src/store/turn-file.js'
import { Secret } from '../../../src/contracts/secrets.js'
import { systemClock } from '../../../src/util/clock.js'
import { withLock } from '../../../src/util/locks.js'
import { firstFiles, testMapping, withIp } from '../records.js'
import type { Seen, WritePath } from '../write-paths.js'

const [OLD, NEW] = ['192.0.2.1', '192.0.2.2']

const storeIn = (dir: string): Store =>
  new Store(join(dir, 'store'), { env: { DOCKER_CONFIG: join(dir, 'docker') } })
const storeWithShells = (dir: string): Store =>
  new Store(join(dir, 'store'), { shellEnv: (record) => Promise.resolve(`for ${record.name}\n`) })

const withWeb = async (dir: string): Promise<void> => {
  const store = storeIn(dir)
  await store.create('web', firstFiles(store.root, 'web', OLD))
}

/** Both files tell the same address; a record that cannot be read is neither old nor new. */
function addressOf(dir: string): Seen {
  const { config, ledger, foreign } = storeIn(dir).get('web')
  const seen = [config.Driver['IPAddress'], ledger?.driver.config['ip'], foreign]
  if (seen.every((value, index) => value === [OLD, OLD, undefined][index])) return 'old'
  if (seen.every((value, index) => value === [NEW, NEW, undefined][index])) return 'new'
  throw new Error(`neither old nor new: ${JSON.stringify(seen)}`)
}

const KEY = { account: 'cloud', field: 'token' }
const LIMIT = { name: 'calls', calls: 100, perMs: 60_000, window: true } as const

const ID = 'ab'.repeat(16)

export const RECORD_PATHS: readonly WritePath[] = [
  {
    name: 'the record of a new machine',
    act: async (dir) => {
      const store = storeWithShells(dir)
      await store.create('web', firstFiles(store.root, 'web', NEW), { id_rsa: Buffer.from('key\n') })
    },
    look: (dir) => {
      if (!storeIn(dir).exists('web')) return 'old'
      if (readFileSync(join(storeIn(dir).dir('web'), 'id_rsa'), 'utf8') !== 'key\n')
        throw new Error('its key is half')
      return addressOf(dir)
    },
  },
  {
    name: 'a change of a record',
    prepare: withWeb,
    act: async (dir) => await storeWithShells(dir).update('web', testMapping, withIp(NEW)),
    look: addressOf,
  },
  {
    name: 'the removal of a record',
    prepare: withWeb,
    act: async (dir) => await storeIn(dir).remove('web'),
    look: (dir) => (storeIn(dir).exists('web') ? addressOf(dir) : 'new'),
  },
  {
    name: 'a tombstone',
    prepare: withWeb,
    act: async (dir) => await storeIn(dir).tombstone('web'),
    look: (dir) => {
      const buried = storeIn(dir)
        .tombstones()
        .filter(({ record }) => record.ledger?.machineId === ID)
      if (storeIn(dir).exists('web')) return addressOf(dir)
      if (buried.length !== 1) throw new Error('neither a machine nor a tombstone')
      return 'new'
    },
  },
  {
    name: 'the end of a tombstone',
    prepare: async (dir) => {
      await withWeb(dir)
      await storeIn(dir).tombstone('web')
    },
    act: async (dir) => {
      for (const tombstone of storeIn(dir).tombstones()) await storeIn(dir).forget(tombstone)
    },
    look: (dir) => (storeIn(dir).tombstones().length === 0 ? 'new' : 'old'),
  },
  {
    name: 'a change of what rm -f left',
    prepare: async (dir) => {
      await withWeb(dir)
      await storeIn(dir).tombstone('web')
    },
    act: async (dir) => {
      for (const { record } of storeIn(dir).tombstones())
        await storeIn(dir).updateRemains(record, (ledger) => ({ ...ledger, generation: 7 }))
    },
    look: (dir) => {
      const [tombstone] = storeIn(dir).tombstones()
      if (!tombstone?.record.ledger) throw new Error('its ledger is lost')
      return tombstone.record.ledger.generation === 7 ? 'new' : 'old'
    },
  },
  {
    name: "the store's first id",
    act: async (dir) => await storeIn(dir).id(),
    look: (dir) => (storeIn(dir).knownId() === undefined ? 'old' : 'new'),
  },
  {
    name: 'another id for the store',
    prepare: async (dir) => await storeIn(dir).id(),
    act: async (dir) => {
      const before = readFormerIds(join(dir, 'store', 'former-ids'))
      if (before.length < 2) await storeIn(dir).renewId()
    },
    look: (dir) => {
      const [known, former] = [storeIn(dir).knownId(), storeIn(dir).formerIds()]
      if (known === undefined) throw new Error('it has no id')
      return former.length > 0 && !former.includes(known) ? 'new' : 'old'
    },
  },
  {
    name: "the store's home",
    prepare: async (dir) => await storeIn(dir).id(),
    act: async (dir) => await moveHome(join(dir, 'store', 'id-host')),
    look: (dir) => {
      JSON.parse(readFileSync(join(dir, 'store', 'id-host'), 'utf8'))
      return 'new'
    },
  },
  {
    name: 'a secret',
    prepare: async (dir) => await storeIn(dir).secrets.save(KEY, new Secret('old')),
    act: async (dir) => await storeIn(dir).secrets.save(KEY, new Secret('new')),
    look: async (dir) => {
      const value = (await storeIn(dir).secrets.entry(KEY))?.secret.reveal()
      if (value !== 'old' && value !== 'new') throw new Error(`the secret is ${String(value)}`)
      return value
    },
  },
  {
    name: 'the end of a secret',
    prepare: async (dir) => await storeIn(dir).secrets.save(KEY, new Secret('old')),
    act: async (dir) => {
      for (const reference of await storeIn(dir).secrets.references())
        await storeIn(dir).secrets.erase(reference)
    },
    look: async (dir) => ((await storeIn(dir).secrets.entry(KEY)) ? 'old' : 'new'),
  },
  {
    name: 'a lock',
    act: async (dir) =>
      await withLock(join(dir, 'store', 'locks', 'web.lock'), { what: 'test' }, () => Promise.resolve()),
    look: () => 'new',
  },
  {
    name: 'a lock at an account',
    act: async (dir) => {
      const store = { root: join(dir, 'store'), readAll: () => [] }
      const desk = new StoreDesk(store, 'cloud', systemClock)
      const work = (): Promise<void> => Promise.resolve()
      await desk.exclusive({ kind: 'key', key: 'k', what: 'make a key' }, work, new AbortController().signal)
    },
    look: () => 'new',
  },
  {
    name: 'the turns of a rate limit',
    forgiving: true,
    act: async (dir) => {
      const file = new TurnFile(join(dir, 'store', 'accounts', 'calls.json'), LIMIT, systemClock)
      await file.change((state) => ({ state, turns: 1, waitMs: 0 }))
    },
    look: () => 'new',
  },
]
