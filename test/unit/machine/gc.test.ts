import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverAccount, DriverFactory, JsonObject } from '../../../src/contracts/driver.js'
import { ApiError } from '../../../src/drivers/common/api/errors.js'
import { ConfigReader } from '../../../src/drivers/common/config-reader.js'
import { createMachine } from '../../../src/machine/create.js'
import {
  type GcRequest,
  nameOf,
  type Survey,
  surveyLeftovers,
  sweep,
  YOUNGEST_MS,
} from '../../../src/machine/gc.js'
import { renewStoreId } from '../../../src/machine/store-identity.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

const HOUR = 3_600_000
const reasons = ({ survey }: { survey: Survey }): string[] => survey.kept.map(({ why }) => why).sort()

/** Two stores at one provider. */
function bench(t: Test) {
  const dir = scratchDir(t)
  const provider = new FakeProvider(join(dir, 'provider'))
  const env = { FAKE_DIR: provider.dir, FAKE_TOKEN: 'one' }
  const store = (name: string) =>
    machineContext({ dir: join(dir, name), env, factories: { fake: bareFactory } })
  const create = async (ctx: ReturnType<typeof store>, name: string, token = 'one'): Promise<void> => {
    const flagValues = fakeFlags(provider.dir, { 'fake-token': token, 'fake-note': name })
    await createMachine(ctx, { name, driver: 'fake', flagValues, options: machineOptions() })
  }
  const gc = async (ctx: ReturnType<typeof store>, more: Partial<GcRequest> = { driver: 'fake' }) => {
    const request = { allStores: false, olderThanMs: YOUNGEST_MS, ids: [], ...more }
    const survey = await surveyLeftovers(ctx, request)
    return { survey, names: survey.leftovers.map(nameOf).sort() }
  }
  /** The record is lost, what the provider has is not. */
  const lose = (ctx: ReturnType<typeof store>, name: string): Promise<void> => ctx.store.remove(name)
  return { dir, provider, ours: store('ours'), theirs: store('theirs'), create, gc, lose }
}

t.test(
  'what a lost record had made is found and removed; what lives, is young or of others stays',
  async (t) => {
    const { provider, ours, theirs, create, gc, lose } = bench(t)
    await create(ours, 'alive')
    await create(ours, 'lost')
    await create(theirs, 'other')
    await lose(ours, 'lost')
    t.match(await gc(ours), { names: [] })
    t.same(reasons(await gc(ours)), ['other-store', 'other-store', 'other-store', 'young', 'young'])
    provider.age(2 * HOUR)
    await create(ours, 'fresh')
    await lose(ours, 'fresh')
    t.match(await gc(ours, { driver: 'fake', olderThanMs: 3 * HOUR }), { names: [] })
    const { survey, names } = await gc(ours)
    t.same(survey.places, ['fake'], 'settings and a record; what both list counts once')
    t.match(names, [/^firewall /, 'server srv-2'])
    t.match(
      survey.leftovers.find(({ found }) => found.state),
      {
        found: { name: 'lost', monthlyPrice: { amount: 4, currency: 'EUR' } },
      },
    )
    const swept = await sweep(ours, survey)
    t.match(swept, { removed: { length: 2 }, errors: [] })
    t.same(
      provider.read().servers.map(({ name }) => name),
      ['alive', 'other', 'fresh'],
    )
    t.match((await gc(ours)).names, [])
    await removeMachine(ours, 'alive', { force: false })
    provider.age(2 * HOUR)
    const last = await gc(ours)
    t.match(last.names, [/^firewall /, /^key /, 'server srv-4'], 'the key goes with the last server')
    await sweep(ours, last.survey)
    await removeMachine(theirs, 'other', { force: false })
    t.same(provider.leftovers(), [])
  },
)

t.test('other stores: all of them on demand, or one thing by its id, however young', async (t) => {
  const { provider, ours, theirs, create, gc } = bench(t)
  await create(theirs, 'one')
  await create(theirs, 'two')
  await create(ours, 'alive')
  t.match((await gc(ours, { driver: 'fake', ids: ['srv-1'] })).names, [/^firewall /, 'server srv-1'])
  t.match(
    (await gc(ours, { driver: 'fake', ids: ['two'] })).names,
    [/^firewall /, 'server srv-2'],
    'by its name',
  )
  await t.rejects(gc(ours, { driver: 'fake', ids: ['srv-3'] }), {
    code: 'exists',
    message: /machine of this store/,
  })
  await t.rejects(gc(ours, { driver: 'fake', ids: ['srv-9'] }), { code: 'not-found' })
  await t.rejects(gc(ours, { driver: 'fake', olderThanMs: 5 }), {
    code: 'usage',
    message: /younger than 1 h/,
  })
  t.same((await gc(ours, { driver: 'fake', allStores: true })).names, [], 'age counts all the same')
  provider.age(2 * HOUR)
  const { survey, names } = await gc(ours, { driver: 'fake', allStores: true })
  t.match(names, [/^firewall /, /^firewall /, /^key /, 'server srv-1', 'server srv-2'])
  await sweep(ours, survey)
  t.same(
    provider.read().servers.map(({ name }) => name),
    ['alive'],
  )
  t.equal(provider.read().keys.length, 1, 'the key of our own store stays')
})

t.test('two accounts, one of which refuses: the other is looked at, and the refusal is told', async (t) => {
  const { provider, ours, create, gc, lose } = bench(t)
  provider.requireToken('one', 'two')
  await create(ours, 'a', 'one')
  // The variable would win over the record.
  Object.assign(ours.env, { FAKE_TOKEN: '' })
  await create(ours, 'b', 'two')
  await create(ours, 'gone', 'two')
  await lose(ours, 'gone')
  provider.age(2 * HOUR)
  t.match((await gc(ours, {})).names, [/^firewall /, 'server srv-3'])
  provider.requireToken('two')
  const { survey, names } = await gc(ours, {})
  t.match(names, [/^firewall /, 'server srv-3'])
  t.match(survey.errors, [{ message: /^Not asked: fake \(the record of a\): .*401/, exitCode: 1 }])
  await t.rejects(gc(ours, { ids: ['srv-1'] }), {
    code: 'driver',
    message: /has the id or name srv-1\nNot asked: fake \(the record of a\): .*401/,
    exitCode: 1,
  })
})

t.test('a secret that cannot be had: the other accounts are asked, and it is told', async (t) => {
  const { dir, provider, ours, create, gc, lose } = bench(t)
  provider.requireToken('one', 'two')
  const file = join(dir, 'token')
  writeFileSync(file, 'two')
  await create(ours, 'a', 'one')
  Object.assign(ours.env, { FAKE_TOKEN: '' })
  await create(ours, 'gone', `one`)
  await lose(ours, 'gone')
  await create(ours, 'b', `file:${file}`)
  rmSync(file)
  provider.age(2 * HOUR)
  const { survey, names } = await gc(ours, {})
  t.match(names, [/^firewall /, 'server srv-2'])
  t.match(survey.errors, [{ message: /^Not asked: the record of b: /, exitCode: 1, code: 'driver' }])
})

t.test('a region that settings name not, and that is closed to the account, is no failure', async (t) => {
  const { dir, provider, create, theirs } = bench(t)
  await create(theirs, 'web')
  provider.age(2 * HOUR)
  const refused = new ApiError('UnauthorizedOperation', { fate: 'refused', status: 403 })
  const regionOf = (config: JsonObject): string => new ConfigReader(config).string('region') || 'near'
  const regions = (closed: readonly string[]): DriverFactory => ({
    ...bareFactory,
    inventoryPlace: (config) => regionOf(config),
    async open(deps) {
      const driver = await bareFactory.open(deps)
      const inventory = driver.inventory?.bind(driver)
      return Object.assign(driver, {
        places: ({ config }: DriverAccount) =>
          Promise.resolve(
            ['near', 'far', 'shut'].map((region) => ({ key: region, config: { ...config, region } })),
          ),
        inventory: async (account: DriverAccount, signal: AbortSignal) => {
          if (closed.includes(regionOf(account.config))) throw refused
          return (await inventory?.(account, signal)) ?? []
        },
      })
    },
  })
  const env = { FAKE_DIR: provider.dir, FAKE_TOKEN: 'one' }
  const survey = async (closed: readonly string[]): Promise<Survey> => {
    const ctx = machineContext({ dir: join(dir, 'new'), env, factories: { fake: regions(closed) } })
    return await surveyLeftovers(ctx, { allStores: false, olderThanMs: YOUNGEST_MS, ids: [], driver: 'fake' })
  }
  t.match(await survey(['shut']), { places: ['fake far', 'fake near'], closed: ['fake shut'], errors: [] })
  t.match(
    (await survey([])).kept,
    [{ thing: { at: { place: 'fake near' } } }],
    'one that regions share is told once',
  )
  t.match(await survey(['near']), { closed: [], errors: [{ message: /^Not asked: fake near / }] })
})

t.test('a record that cannot be read protects what bears its name', async (t) => {
  const { provider, ours, create, gc } = bench(t)
  await create(ours, 'web')
  provider.age(2 * HOUR)
  const dir = ours.store.dir('web')
  provider.change('srv-1', (server) => ({
    ...server,
    tags: { ...server.tags, 'tsmachine-name': 'web' },
  }))
  for (const file of ['tsmachine.json', 'config.json']) writeFileSync(join(dir, file), '{')
  const { names } = await gc(ours)
  t.notOk(names.includes('server srv-1'))
  t.notOk(names.some((name) => name.startsWith('key')))
})

t.test('what rm -f gave up on is worked off, and forgotten only when all of it is gone', async (t) => {
  const { provider, ours, create, gc } = bench(t)
  await create(ours, 'web')
  provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
  await removeMachine(ours, 'web', { force: true })
  t.equal(ours.store.tombstones().length, 1)
  const first = await gc(ours)
  t.match(first.names, [], 'shown once: as what it is')
  t.match(first.survey.tombstones, [{ name: 'web' }])
  for (const id of ['srv-1', 'web', ours.store.tombstones()[0]?.id ?? ''])
    t.match(
      await gc(ours, { driver: 'fake', ids: [id] }),
      { names: [], survey: { tombstones: [{ name: 'web' }] } },
      `also by ${id}`,
    )
  await create(ours, 'web')
  await t.rejects(gc(ours, { ids: ['web'] }), { code: 'exists' }, 'a name is that of the machine that lives')
  t.match((await gc(ours, { ids: ['srv-1'] })).survey.tombstones, [{ name: 'web' }])
  await removeMachine(ours, 'web', { force: false })
  provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
  t.match(await sweep(ours, first.survey), { forgotten: [], errors: [{ message: /403/ }] })
  t.equal(ours.store.tombstones().length, 1)
  t.match(await sweep(ours, (await gc(ours)).survey), { forgotten: [{ name: 'web' }], errors: [] })
  t.same(ours.store.tombstones(), [])
  t.same(provider.leftovers(), [])
})

t.test('a tombstone that tells nothing is left for its user', async (t) => {
  const { ours, gc } = bench(t)
  const dir = join(ours.store.root, 'machines/.removed', `odd-${'a'.repeat(32)}`)
  mkdirSync(dir, { recursive: true })
  const { survey } = await gc(ours, {})
  t.match(await sweep(ours, survey), { forgotten: [], errors: [{ code: 'store', message: /is not known/ }] })
  t.equal(ours.store.tombstones().length, 1)
})

t.test('a machine that is made between the survey and the removal is not touched', async (t) => {
  const { provider, ours, create, gc, lose } = bench(t)
  await create(ours, 'web')
  const record = ours.store.get('web')
  await lose(ours, 'web')
  provider.age(2 * HOUR)
  const { survey } = await gc(ours)
  t.equal(survey.leftovers.length, 3)
  const { ledger, config } = record
  if (ledger) await ours.store.create('web', { ledger, config })
  t.match(await sweep(ours, survey), { removed: [], errors: { length: 2 } })
  t.equal(provider.read().servers.length, 1)
})

t.test('a driver without an inventory is refused by name', async (t) => {
  const { ours, gc } = bench(t)
  await t.rejects(gc(ours, { driver: 'none' }), { code: 'usage', message: /cannot say what exists/ })
})

t.test('a store that may be a copy is refused until it has said which', async (t) => {
  const { provider, ours, create, gc, lose } = bench(t)
  await create(ours, 'web')
  await lose(ours, 'web')
  provider.age(2 * HOUR)
  writeFileSync(join(ours.store.root, 'id-host'), JSON.stringify({ host: 'laptop', hostId: 'f'.repeat(32) }))
  t.ok(ours.store.copiedFrom())
  await t.rejects(gc(ours), {
    code: 'store',
    message: /got its id on laptop/,
    hints: [/store id --new/, /--moved/],
  })
  await renewStoreId(ours)
  t.match(await gc(ours), { names: [] }, 'the other copy may need it')
  t.same(reasons(await gc(ours)), ['other-store', 'other-store', 'other-store'])
  await ours.store.moveHere()
})

t.test('a token that was kept for machines that are lost still opens its account', async (t) => {
  const { provider, ours, create, gc, lose } = bench(t)
  provider.requireToken('secret-one')
  Object.assign(ours.env, { FAKE_TOKEN: '' })
  await create(ours, 'web', 'secret-one')
  await lose(ours, 'web')
  provider.age(2 * HOUR)
  t.match((await gc(ours)).names, [/^firewall /, /^key /, 'server srv-1'])
})
