import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { HostRecordV3 } from '../../../src/contracts/record.js'
import { isPlainName } from '../../../src/store/layout.js'
import { Store } from '../../../src/store/store.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { dockerMachineRecord, firstFiles, testMapping, withIp } from '../../helpers/records.js'

/** A store in which `web` is recorded. */
async function storeWithWeb(root: string, clock = new FakeClock()): Promise<Store> {
  const store = new Store(root, { clock, program: 'tsmachine' })
  await store.create('web', firstFiles(root, 'web'))
  return store
}

/** docker-machine's way of changing a record: its own struct, written over the file. */
function rewriteAsDockerMachine(store: Store, name: string, change: (host: HostRecordV3) => object): void {
  const path = join(store.dir(name), 'config.json')
  const host = JSON.parse(readFileSync(path, 'utf8')) as HostRecordV3
  rmSync(path)
  writeFileSync(path, JSON.stringify(change(host), null, 4))
}

t.test('readers of a store that does not exist find nothing and make nothing', (t) => {
  const root = join(t.testdir(), 'store')
  const store = new Store(root)
  t.strictSame(store.names(), [])
  t.strictSame(store.readAll(), [])
  t.strictSame(store.tombstones(), [])
  t.equal(store.exists('web'), false)
  t.equal(store.knownId(), undefined)
  t.equal(store.lockHolder('web'), undefined)
  t.throws(() => store.get('web'), { code: 'not-found' })
  t.notOk(existsSync(root))
  t.end()
})

t.test('a machine that is not there is said in the words of docker-machine', (t) => {
  const texts = (program?: string): string => {
    try {
      new Store(t.testdir(), program === undefined ? {} : { program }).get('x')
      return 'nothing thrown'
    } catch (error) {
      return String(error instanceof Error ? error.message : error)
    }
  }
  t.equal(
    texts(),
    'Docker machine "x" does not exist. Use "docker-machine ls" to list machines. Use "docker-machine create" to add a new one.',
  )
  t.match(texts('tsmachine'), 'Use "tsmachine create" to add')
  t.end()
})

t.test('a new machine has both files, private from the store down', async (t) => {
  const root = join(t.testdir(), 'store')
  const store = await storeWithWeb(root)
  t.strictSame(store.names(), ['web'])
  t.strictSame(readdirSync(store.dir('web')).sort(), ['config.json', 'tsmachine.json'])
  for (const path of [root, join(root, 'machines'), store.dir('web'), join(root, 'locks')])
    t.equal(statSync(path).mode & 0o777, 0o700, path)
  for (const file of ['config.json', 'tsmachine.json'])
    t.equal(statSync(join(store.dir('web'), file)).mode & 0o777, 0o600, file)
  t.strictSame(readdirSync(join(root, 'locks')), [], 'no lock stays')
  const record = store.get('web')
  t.equal(record.ledger?.phase, 'creating')
  t.equal(record.foreign, undefined)
})

t.test(
  'a name that is taken is refused in the words of docker-machine, by a bare directory too',
  async (t) => {
    const root = t.testdir()
    const store = await storeWithWeb(root)
    await t.rejects(store.create('web', firstFiles(root, 'web')), {
      code: 'exists',
      message: 'Docker machine "web" already exists',
    })
    mkdirSync(store.dir('bare'))
    await t.rejects(store.create('bare', firstFiles(root, 'bare')), { code: 'exists' })
    writeFileSync(store.dir('file'), '')
    await t.rejects(store.create('file', firstFiles(root, 'file')), { code: 'exists' })
    t.strictSame(
      readdirSync(join(root, 'machines')).filter((entry) => entry.startsWith('.')),
      [],
    )
  },
)

t.test('of two that create one name at once one wins and the other is told so', async (t) => {
  const root = t.testdir()
  const attempts = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((ip) =>
    new Store(root).create('web', firstFiles(root, 'web', ip)),
  )
  const outcomes = await Promise.allSettled(attempts)
  t.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1)
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') t.match(outcome.reason, { code: 'exists' })
})

t.test('names are those of directories, sorted, without hidden ones, files and links', async (t) => {
  const root = t.testdir({ machines: { b: {}, a: {}, B: {}, '.hidden': {}, file: '' } })
  symlinkSync('a', join(root, 'machines', 'link'))
  t.strictSame(new Store(root).names(), ['B', 'a', 'b'])
})

t.test('a name is never a path', async (t) => {
  const root = t.testdir({ store: { machines: {} }, secret: { 'config.json': dockerMachineRecord('none') } })
  const store = new Store(join(root, 'store'))
  for (const name of ['../../secret', '..', '.', '', 'a/b', 'a\\b', 'a\0b', '.removed']) {
    t.equal(isPlainName(name), false, JSON.stringify(name))
    t.equal(store.exists(name), false)
    t.throws(() => store.get(name), { code: 'not-found' })
    await t.rejects(store.create(name, firstFiles(root, name)), { code: 'usage' })
    await store.remove(name)
    await store.tombstone(name)
  }
  t.ok(existsSync(join(root, 'secret', 'config.json')))
})

t.test('an update changes both files, counts and dates itself', async (t) => {
  const clock = new FakeClock()
  const store = await storeWithWeb(t.testdir(), clock)
  clock.advance(61_000)
  const updated = await store.update('web', testMapping, withIp('192.0.2.2'))
  t.match(updated, { config: { Driver: { IPAddress: '192.0.2.2' } } })
  t.match(store.get('web'), {
    config: { Driver: { IPAddress: '192.0.2.2', MachineName: 'web' } },
    ledger: { generation: 1, updatedAt: '2026-01-01T00:01:01.000Z', driver: { config: { ip: '192.0.2.2' } } },
    foreign: undefined,
  })
  t.strictSame(readdirSync(store.dir('web')).sort(), ['config.json', 'tsmachine.json'])
  await t.rejects(store.update('gone', testMapping, withIp('x')), { code: 'not-found' })
})

t.test('updates at once are applied one after the other, none is lost', async (t) => {
  const store = await storeWithWeb(t.testdir())
  const add = (key: string) =>
    store.update('web', testMapping, (ledger) => ({
      ...ledger,
      resources: [...ledger.resources, { kind: 'disk', key, state: 'made' }],
    }))
  await Promise.all(['a', 'b', 'c', 'd'].map(add))
  t.strictSame(
    store
      .get('web')
      .ledger?.resources.map((resource) => resource.key)
      .sort(),
    ['a', 'b', 'c', 'd'],
  )
  t.equal(store.get('web').ledger?.generation, 4)
})

t.test(
  'our record survives a rewrite by docker-machine: pins and ledger stay, its fields are taken over',
  async (t) => {
    const store = await storeWithWeb(t.testdir())
    const hostKeys = {
      source: 'given',
      current: 'ssh-ed25519 AAAA',
      next: 'ssh-ed25519 BBBB',
      rotated: false,
    } as const
    const resources = [{ kind: 'vm', key: 'web', id: '7', state: 'made' }] as const
    await store.update('web', testMapping, (ledger) => ({ ...ledger, hostKeys, resources }))
    rewriteAsDockerMachine(store, 'web', ({ ConfigVersion, Driver, DriverName, HostOptions, Name }) => ({
      ConfigVersion,
      Driver: { ...Driver, IPAddress: '198.51.100.9', SSHUser: 'bob', SSHKeyPath: '/k' },
      DriverName,
      HostOptions: { ...HostOptions, EngineOptions: { ...HostOptions.EngineOptions, Labels: ['zone=a'] } },
      Name,
    }))
    const seen = store.get('web')
    t.match(seen, {
      foreign: true,
      ledger: { hostKeys, resources },
      config: { Driver: { IPAddress: '198.51.100.9' } },
    })
    await store.update('web', testMapping, (ledger) => ({ ...ledger, phase: 'ready' }))
    const kept = store.get('web')
    t.match(kept, {
      foreign: undefined,
      config: { Driver: { IPAddress: '198.51.100.9' } },
      ledger: {
        phase: 'ready',
        hostKeys,
        resources,
        ssh: { user: 'bob', keyPath: '/k' },
        driver: { config: { ip: '198.51.100.9', ours: 'only' } },
        options: { engine: { labels: ['zone=a'] } },
      },
    })
  },
)

t.test('keys that only docker-machine knows stay in its file', async (t) => {
  const store = await storeWithWeb(t.testdir())
  rewriteAsDockerMachine(store, 'web', (host) => ({
    ...host,
    Driver: { ...host.Driver, DropletID: 12345, Tags: null },
  }))
  await store.update('web', testMapping, withIp('192.0.2.3'))
  t.match(store.get('web').config.Driver, { DropletID: 12345, Tags: null, IPAddress: '192.0.2.3' })
})

t.test(
  'a record that only docker-machine knows is read, listed and, once changed, gets a ledger',
  async (t) => {
    const text = dockerMachineRecord('none').replaceAll('/home/alice/.docker/machine', t.testdirName)
    const root = t.testdir({ machines: { plain: { 'config.json': text } } })
    const store = new Store(root)
    const before = store.get('plain')
    t.equal(before.ledger, undefined)
    t.equal(before.config.DriverName, 'none')
    t.strictSame(readdirSync(store.dir('plain')), ['config.json'], 'reading makes nothing')
    const { ledger } = await store.update('plain', testMapping, (old) => old)
    t.match(ledger, { phase: 'ready', generation: 1, hostKeys: undefined, driver: { name: 'none' } })
    t.equal(readFileSync(join(store.dir('plain'), 'config.json'), 'utf8'), text)
    const again = await store.update('plain', testMapping, (old) => old)
    t.equal(again.ledger.machineId, ledger.machineId)
  },
)

t.test('remove leaves nothing of a machine, twice, and clears up what a crash left', async (t) => {
  const root = t.testdir()
  const store = await storeWithWeb(root)
  mkdirSync(join(root, 'machines', '.web.gone-0123456789ab'))
  mkdirSync(join(root, 'machines', '.other.new-0123456789ab'))
  await store.remove('web')
  await store.remove('web')
  t.strictSame(store.names(), [])
  t.strictSame(
    readdirSync(join(root, 'machines')),
    ['.other.new-0123456789ab'],
    "another create's directory stays",
  )
  await store.create('other', firstFiles(root, 'other'))
  t.strictSame(readdirSync(join(root, 'machines')), ['other'])
})

t.test('rm works while its caller holds the lock of the machine', async (t) => {
  const root = t.testdir()
  const store = await storeWithWeb(root)
  const lock = await store.lock('web', 'rm web')
  t.equal(store.lockHolder('web')?.what, 'rm web')
  await t.rejects(store.lock('web', 'start web', { waitMs: 0 }), {
    code: 'locked',
    message: /Machine "web" is locked by rm web/,
  })
  await store.update('web', testMapping, (ledger) => ({ ...ledger, phase: 'removing' }))
  await store.remove('web')
  await lock.release()
  t.strictSame(readdirSync(join(root, 'locks')), [])
})

t.test('the locks of machines whose names end alike are different ones', async (t) => {
  const store = new Store(t.testdir())
  const names = ['web', 'web.lock', 'web.writing', 'web.lock.break', 'ca']
  const locks = await Promise.all(names.map((name) => store.lock(name, `create ${name}`, { waitMs: 0 })))
  const ca = await store.lockCa({ waitMs: 0 })
  for (const name of names) await store.create(name, firstFiles(store.root, name))
  t.strictSame(store.names(), [...names].sort())
  await Promise.all([...locks, ca].map((lock) => lock.release()))
})

t.test(
  'a tombstone keeps the record out of sight, also of a machine of the same name and of a bad one',
  async (t) => {
    const root = t.testdir()
    const store = await storeWithWeb(root)
    await store.tombstone('web')
    t.strictSame(store.names(), [])
    t.match(store.tombstones(), [{ name: 'web', id: 'ab'.repeat(16), record: { config: { Name: 'web' } } }])
    await store.create('web', firstFiles(root, 'web'))
    await store.tombstone('web')
    t.equal(store.tombstones().length, 1, 'the same machine again replaces it')
    mkdirSync(store.dir('my-bad'))
    await store.tombstone('my-bad')
    await store.tombstone('my-bad')
    t.match(store.tombstones(), [
      { name: 'my-bad', id: /^[0-9a-f]{32}$/, record: { error: /missing/ } },
      { name: 'web' },
    ])
  },
)

t.test('the store gets its name once, and all that ask at once get the same', async (t) => {
  const root = join(t.testdir(), 'store')
  const ids = await Promise.all(Array.from({ length: 8 }, () => new Store(root).id()))
  t.equal(new Set(ids).size, 1)
  t.match(ids[0], /^[0-9a-f]{32}$/)
  t.equal(new Store(root).knownId(), ids[0])
  t.strictSame(readdirSync(root), ['id', 'id-host'])
  writeFileSync(join(root, 'id'), 'rubbish')
  await t.rejects(new Store(root).id(), { code: 'store', message: /32 hexadecimal digits/ })
})

t.test('a 64-character name works in a store whose path has 90', async (t) => {
  const base = t.testdir()
  const root = join(base, 's'.repeat(Math.max(1, 90 - base.length - 1)))
  const name = 'n'.repeat(64)
  const store = new Store(root)
  const lock = await store.lock(name, `create ${name}`)
  await store.create(name, firstFiles(root, name))
  await store.update(name, testMapping, withIp('192.0.2.2'))
  await store.tombstone(name)
  await store.create(name, firstFiles(root, name))
  await store.remove(name)
  await lock.release()
  t.ok(root.length >= 90)
  t.match(store.tombstones(), [{ name }])
})
