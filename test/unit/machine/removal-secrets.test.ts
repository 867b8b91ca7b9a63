/** What is set in the shell may be another account's: nothing that runs may be forgotten because it is not found there. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createMachine } from '../../../src/machine/create.js'
import { surveyLeftovers, sweep, YOUNGEST_MS } from '../../../src/machine/gc.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

/** A machine at account `one`, while the variable holds the token of account `two`. */
async function bench(t: Test) {
  const dir = t.testdir()
  const provider = new FakeProvider(join(dir, 'provider'))
  const env: Record<string, string> = {}
  const ctx = machineContext({ dir, env, factories: { fake: bareFactory } })
  provider.requireToken('one', 'two')
  const file = join(dir, 'token')
  writeFileSync(file, 'one')
  const flagValues = fakeFlags(provider.dir, { 'fake-token': `file:${file}` })
  await createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  env['FAKE_TOKEN'] = 'two'
  const gc = async () => {
    const request = { allStores: false, olderThanMs: YOUNGEST_MS, ids: [] }
    return await sweep(ctx, await surveyLeftovers(ctx, request))
  }
  const rm = (force = false) => removeMachine(ctx, 'web', { force })
  const servers = () => provider.read().servers.length
  return { provider, env, ctx, file, gc, rm, servers }
}

t.test('rm and gc ask the account that the record refers to', async (t) => {
  const { provider, ctx, gc, rm, servers } = await bench(t)
  provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
  await t.rejects(rm(), { message: /403 you may not do this/ })
  t.match(ctx.store.read('web').ledger, { phase: 'ready' })
  provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
  await rm(true)
  t.equal(servers(), 1)
  t.match(await gc(), { forgotten: [{ name: 'web' }], errors: [] })
  t.same(provider.leftovers(), [])
})

t.test('rm alone does so too', async (t) => {
  const { provider, ctx, rm } = await bench(t)
  await rm()
  t.same(provider.leftovers(), [])
  t.notOk(ctx.store.exists('web'))
})

t.test('where the recorded token cannot be had, another account makes nothing forgotten', async (t) => {
  const { env, ctx, file, gc, rm, servers } = await bench(t)
  rmSync(file)
  const elsewhere = {
    code: 'driver',
    message: /the file does not exist.*FAKE_TOKEN.*not found: that may be another account/,
  }
  await t.rejects(rm(), {
    ...elsewhere,
    hints: [/^Unset FAKE_TOKEN/, /^Put the secret there/, /tsmachine rm -f web/],
  })
  t.equal(servers(), 1)
  t.ok(ctx.store.exists('web'))
  await rm(true)
  t.match(await gc(), { forgotten: [], errors: [elsewhere] })
  t.equal(ctx.store.tombstones().length, 1)
  env['FAKE_TOKEN'] = 'one'
  t.match(await gc(), { forgotten: [{ name: 'web' }], errors: [] })
  t.equal(servers(), 0)
})

t.test('a create that its token made nothing with is removed with the right one', async (t) => {
  const { provider, ctx, rm } = await bench(t)
  await rm()
  const flagValues = fakeFlags(provider.dir, { 'fake-token': 'wrong' })
  const wrong = { name: 'web', driver: 'fake', flagValues, options: machineOptions() }
  await t.rejects(createMachine(ctx, wrong), { message: /401/ })
  t.match(ctx.store.read('web').ledger?.resources, [{ state: 'intended' }])
  await rm()
  t.notOk(ctx.store.exists('web'))
})

t.test('a token that was revoked: the variable opens the same account', async (t) => {
  const { provider, env, ctx, rm } = await bench(t)
  provider.requireToken('two')
  await t.rejects(rm(), { code: 'driver', message: /401.*another account/ })
  t.ok(ctx.store.exists('web'))
  provider.change('srv-1', (server) => ({ ...server, account: 'two' }))
  env['FAKE_TOKEN'] = 'two'
  await rm()
  t.notOk(ctx.store.exists('web'))
  t.same(provider.read().servers, [])
})
