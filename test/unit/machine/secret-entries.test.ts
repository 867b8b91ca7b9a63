import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverFactory } from '../../../src/contracts/driver.js'
import { Secret } from '../../../src/contracts/secrets.js'
import { createMachine } from '../../../src/machine/create.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { listSecrets, removeSecret, removeUnused, setSecret } from '../../../src/machine/secret-entries.js'
import type { SecretPlace } from '../../../src/machine/secrets.js'
import { machineStatus } from '../../../src/machine/status.js'
import { renderSecrets } from '../../../src/ui/secret-list.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

const TOKEN = 'canary-7d1c'
const NAME = { driver: 'fake', name: 'token' }

/** A provider that wants the token, and the fake driver, whose record has a field for it. */
function bench(t: Test, driver = 'fake') {
  const dir = t.testdir()
  const env: Record<string, string> = {}
  const { record } = bareFactory
  const factory: DriverFactory = {
    ...bareFactory,
    name: driver,
    record: { ...record, secretFields: { token: 'Token' } },
  }
  const ctx = machineContext({ dir, env, factories: { [driver]: factory } })
  const provider = new FakeProvider(join(dir, 'provider'))
  provider.requireToken(TOKEN)
  const create = (name: string, token?: string, secretPlace?: SecretPlace) =>
    createMachine(ctx, {
      name,
      driver,
      flagValues: fakeFlags(provider.dir, token === undefined ? {} : { 'fake-token': token }),
      options: machineOptions(),
      ...(secretPlace ? { secretPlace } : {}),
    })
  const list = () => listSecrets(ctx, [factory])
  return { ctx, env, factory, provider, create, list }
}

t.test(
  'a secret that was set serves every create that is given none, and its new value all machines',
  async (t) => {
    const { ctx, create, list } = bench(t)
    await t.rejects(create('early'), { message: /401/ })
    await removeMachine(ctx, 'early', { force: true })
    const reference = await setSecret(ctx, NAME, new Secret(TOKEN))
    await create('web')
    t.strictSame(ctx.store.read('web').ledger?.secrets, { token: reference })
    await setSecret(ctx, NAME, new Secret('expired'))
    await t.rejects(machineStatus(ctx, 'web'), { message: /401/ })
    await setSecret(ctx, { driver: 'fake', name: 'fake-token' }, new Secret(TOKEN))
    t.equal(await machineStatus(ctx, 'web'), 'Running')
    t.strictSame(await list(), [{ ...NAME, reference, origin: 'set', machines: ['web'] }])
  },
)

t.test('a flag counts before what was set, and stays apart from it', async (t) => {
  const { ctx, create, list, factory } = bench(t)
  const set = await setSecret(ctx, NAME, new Secret('of another account'))
  await create('web', TOKEN)
  const rows = await list()
  t.match(
    rows
      .map(({ origin, machines }) => ({ origin, machines }))
      .toSorted((a, b) => a.origin.localeCompare(b.origin)),
    [
      { origin: 'create', machines: ['web'] },
      { origin: 'set', machines: [] },
    ],
  )
  t.ok(rows.every(({ driver, name }) => driver === 'fake' && name === 'token'))
  t.notMatch(renderSecrets(rows) + JSON.stringify(rows), TOKEN)
  t.strictSame(await removeUnused(ctx, [factory]), [], 'what is used stays, and what was set')
  await removeMachine(ctx, 'web', { force: false })
  t.equal((await removeUnused(ctx, [factory])).length, 1)
  t.match(await list(), [{ reference: set }])
})

t.test('the secret of a driver that is named by its path serves its machines and is listed', async (t) => {
  const path = '/home/me/tsmachine-driver-acme'
  const { ctx, create } = bench(t, path)
  await create('web', TOKEN)
  t.equal(await machineStatus(ctx, 'web'), 'Running')
  const rows = await listSecrets(ctx, [])
  t.match(rows, [{ driver: path, name: 'token', origin: 'create', machines: ['web'] }])
  await removeMachine(ctx, 'web', { force: false })
  t.equal((await removeUnused(ctx, [])).length, 1)
  t.strictSame(await listSecrets(ctx, []), [])
})

t.test('a secret that machines use is removed only when it is said twice', async (t) => {
  const { ctx, create, list } = bench(t)
  await setSecret(ctx, NAME, new Secret(TOKEN))
  await create('web')
  await t.rejects(removeSecret(ctx, NAME, { force: false }), { code: 'exists', message: /use .*: web/ })
  await removeSecret(ctx, NAME, { force: true })
  await t.rejects(removeSecret(ctx, NAME, { force: true }), { code: 'not-found' })
  t.match(await list(), [{ origin: 'set', machines: ['web'] }], 'the record still names it')
  await t.rejects(setSecret(ctx, { driver: 'fake', name: 'tokne' }, new Secret('x')), {
    code: 'usage',
    hints: ['Did you mean token?', 'Its secrets: token'],
  })
})

t.test('with --no-save-secret nothing is kept, and later verbs want the variable', async (t) => {
  const { ctx, env, create, list } = bench(t)
  await create('web', TOKEN, 'nowhere')
  t.strictSame(await list(), [])
  await t.rejects(machineStatus(ctx, 'web'), { message: /401/ })
  env['FAKE_TOKEN'] = TOKEN
  t.equal(await machineStatus(ctx, 'web'), 'Running')
})

t.test("with --store-secrets=record it is in docker-machine's field, there alone, and serves", async (t) => {
  const { ctx, create, list, factory } = bench(t)
  await create('web', TOKEN, 'record')
  t.equal(ctx.store.get('web').config.Driver['Token'], TOKEN)
  t.notMatch(readFileSync(join(ctx.store.dir('web'), 'tsmachine.json'), 'utf8'), TOKEN)
  t.notOk(readdirSync(ctx.store.root).includes('secrets'))
  t.strictSame(await list(), [])
  t.equal(await machineStatus(ctx, 'web'), 'Running')
  const bare = { ...factory, record: bareFactory.record }
  const other = machineContext({ dir: t.testdir(), factories: { fake: bare } })
  const request = { driver: 'fake', options: machineOptions(), secretPlace: 'record' as const }
  await t.rejects(
    createMachine(other, {
      ...request,
      name: 'web',
      flagValues: fakeFlags(t.testdirName, { 'fake-token': TOKEN }),
    }),
    { code: 'usage', message: /no field for --fake-token/ },
  )
})
