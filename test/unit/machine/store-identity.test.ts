import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMachine } from '../../../src/machine/create.js'
import { surveyLeftovers, sweep, YOUNGEST_MS } from '../../../src/machine/gc.js'
import { openMachine } from '../../../src/machine/open.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { moveStore, renewStoreId, storeIdentity } from '../../../src/machine/store-identity.js'
import { machineStatus } from '../../../src/machine/status.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

const factories = { fake: bareFactory }

t.test('a copied store is told from where it comes, and renewing it keeps its machines', async (t) => {
  const dir = t.testdir()
  const ctx = machineContext({ dir, factories })
  const provider = new FakeProvider(join(dir, 'provider'))
  const create = (in_: typeof ctx, name: string) =>
    createMachine(in_, {
      name,
      driver: 'fake',
      flagValues: fakeFlags(provider.dir),
      options: machineOptions(),
    })
  await create(ctx, 'web')
  const { id, former, copiedFrom } = await storeIdentity(ctx)
  t.strictSame([former, copiedFrom], [[], undefined])

  const there = machineContext({ dir: join(dir, 'copy'), factories })
  cpSync(ctx.store.root, there.store.root, { recursive: true })
  const home = join(there.store.root, 'id-host')
  writeFileSync(home, JSON.stringify({ host: 'laptop', hostId: 'f'.repeat(32) }))
  t.match(there.store.copiedFrom(), { host: 'laptop' })
  t.match(await storeIdentity(there), { id, copiedFrom: 'laptop' })

  const renewed = await renewStoreId(there)
  t.not(renewed.id, id)
  t.strictSame(renewed, { id: renewed.id, former: [id] })
  t.equal((await openMachine(there, 'web')).machine.storeId, id, 'its tags bear the old id')
  t.equal(await machineStatus(there, 'web'), 'Running')
  await create(there, 'db')
  t.equal((await openMachine(there, 'db')).machine.storeId, renewed.id)
  const again = await renewStoreId(there)
  t.strictSame(again.former, [id, renewed.id])
  t.equal((await openMachine(there, 'web')).machine.storeId, id)
  for (const name of ['web', 'db']) await removeMachine(there, name, { force: false })
  t.strictSame(provider.leftovers(), [])
})

t.test(
  'what rm -f gave up on keeps the old id too: the original still needs what its servers share',
  async (t) => {
    const dir = t.testdir()
    const env = { FAKE_DIR: join(dir, 'provider') }
    const ctx = machineContext({ dir, env, factories })
    const provider = new FakeProvider(env.FAKE_DIR)
    for (const name of ['alive', 'web', 'odd'])
      await createMachine(ctx, {
        name,
        driver: 'fake',
        flagValues: fakeFlags(provider.dir),
        options: machineOptions(),
      })
    provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
    await removeMachine(ctx, 'web', { force: true })
    const { id } = await storeIdentity(ctx)
    const there = machineContext({ dir: join(dir, 'copy'), env, factories })
    cpSync(ctx.store.root, there.store.root, { recursive: true })
    writeFileSync(join(there.store.dir('odd'), 'config.json'), '{')

    t.not((await renewStoreId(there)).id, id)
    t.match(
      there.store.read('odd'),
      { error: /./, ledger: { storeId: id } },
      'also where only the ledger is whole',
    )
    t.match(there.store.tombstones(), [
      { record: { config: { DriverName: 'fake' }, ledger: { storeId: id } } },
    ])
    for (const name of ['alive', 'odd']) await there.store.remove(name)
    const request = { allStores: false, olderThanMs: YOUNGEST_MS, ids: [] }
    const swept = await sweep(there, await surveyLeftovers(there, request))
    t.match(swept, { forgotten: [{ name: 'web' }], removed: [], errors: [] })
    const { servers, keys } = provider.read()
    t.same(
      servers.map(({ name }) => name),
      ['alive', 'odd'],
    )
    t.equal(keys.length, 1, 'the key of the original is still there')
  },
)

t.test('a store that was moved keeps its id', async (t) => {
  const ctx = machineContext({ dir: t.testdir(), factories })
  const { id } = await storeIdentity(ctx)
  const home = join(ctx.store.root, 'id-host')
  const here = readFileSync(home, 'utf8')
  writeFileSync(home, JSON.stringify({ host: 'laptop', hostId: 'f'.repeat(32) }))
  t.strictSame(await moveStore(ctx), { id, former: [] })
  t.equal(readFileSync(home, 'utf8'), here)
})

t.test('a computer that was renamed is the same, and a broken file says nothing', async (t) => {
  const ctx = machineContext({ dir: t.testdir(), factories })
  await storeIdentity(ctx)
  const home = join(ctx.store.root, 'id-host')
  const { hostId } = JSON.parse(readFileSync(home, 'utf8')) as { hostId: string }
  writeFileSync(home, JSON.stringify({ host: 'before', hostId }))
  if (hostId !== '') t.equal(ctx.store.copiedFrom(), undefined)
  for (const text of ['', '{', '{"host":1}', 'null']) {
    writeFileSync(home, text)
    t.equal(ctx.store.copiedFrom(), undefined, text)
  }
})
