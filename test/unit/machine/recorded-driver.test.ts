/** Which driver a record is opened with, where an npm package and a Go plugin have the same name. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverFactory } from '../../../src/contracts/driver.js'
import type { LedgerRecord } from '../../../src/contracts/record.js'
import { loadFactory } from '../../../src/drivers/registry.js'
import { pluginFactory } from '../../../src/drivers/plugin/index.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { inspectMachine } from '../../../src/machine/inspect.js'
import { openMachine } from '../../../src/machine/open.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { machineContext } from '../../helpers/machine-context.js'
import { firstFiles } from '../../helpers/records.js'

const PLUGIN = pluginFactory({ name: 'acme', plugin: 'acme', program: '/nowhere/plugin' }, {})
const VM = { kind: 'server', key: 'web', id: '7', state: 'made' } as const

/** What `packagedFactory` makes of a package, as far as records are concerned. */
async function packageOf(name: string): Promise<DriverFactory> {
  return { ...(await loadFactory('none')), name, isOfPlugin: () => true }
}

async function storeWith(
  t: Test,
  factories: Readonly<Record<string, DriverFactory>>,
  change: (ledger: LedgerRecord) => LedgerRecord,
): Promise<MachineContext> {
  const ctx = machineContext({ dir: t.testdir(), factories })
  const { ledger, config } = firstFiles(ctx.store.root, 'web')
  const files = { ledger: change(ledger), config: { ...config, DriverName: 'acme' } }
  await ctx.store.create('web', files)
  return ctx
}

const read = (ledger: LedgerRecord): LedgerRecord => ({
  ...ledger,
  driver: { name: 'acme', config: { size: 'small' } },
  resources: [VM],
})
const unread = (ledger: LedgerRecord): LedgerRecord => ({
  ...ledger,
  driver: { name: 'acme', config: {}, unread: true },
})

t.test('a record of a Go plugin is the plugin’s, whatever package has its name', async (t) => {
  const ctx = await storeWith(t, { acme: await packageOf('acme'), 'plugin:acme': PLUGIN }, unread)
  t.equal((await openMachine(ctx, 'web')).factory, PLUGIN)
  const without = await storeWith(t, { acme: await packageOf('acme') }, unread)
  t.equal((await openMachine(without, 'web')).factory.absent, true)
})

t.test('a record of ours is no plugin’s: what it names is kept until its driver is back', async (t) => {
  const ctx = await storeWith(t, { acme: PLUGIN, 'plugin:acme': PLUGIN }, read)
  const open = await openMachine(ctx, 'web')
  t.equal(open.factory.absent, true)
  t.same(open.ledger.resources, [VM])
  await t.rejects(removeMachine(ctx, 'web', { force: false }), { code: 'driver' })
  const file = join(ctx.store.dir('web'), 'config.json')
  writeFileSync(file, JSON.stringify({ ...ctx.store.get('web').config, Extra: 1 }))
  await ctx.store.update('web', open.factory.record, (ledger) => ledger)
  t.match(ctx.store.get('web').ledger, { driver: { config: { size: 'small' } }, resources: [VM] })
  t.notHas(ctx.store.get('web').ledger?.driver, 'unread')
})

t.test('a plugin is not asked to remove a machine whose state cannot be read', async (t) => {
  const ctx = await storeWith(t, { acme: PLUGIN }, unread)
  writeFileSync(join(ctx.store.dir('web'), 'config.json'), '{"ConfigVersion": 3')
  await t.rejects(removeMachine(ctx, 'web', { force: false }), { code: 'store' })
  await removeMachine(ctx, 'web', { force: true })
  t.equal(ctx.store.tombstones().length, 1, 'it is not forgotten')
})

t.test('what was seen to be a secret is masked, with or without the driver', async (t) => {
  const attributes = { secretKeys: ['Odd'] }
  const ctx = await storeWith(t, {}, (ledger) => ({
    ...unread(ledger),
    resources: [{ kind: 'machine', key: 'web', state: 'made', attributes }],
  }))
  await ctx.store.update('web', PLUGIN.record, (ledger) => ledger, '{"MachineName":"web","Odd":"hidden"}')
  t.match(await inspectMachine(ctx, 'web'), { Driver: { Odd: '[secret]' } })
})
