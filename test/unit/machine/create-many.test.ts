import { join } from 'node:path'
import t, { type Test } from 'tap'
import { failureText } from '../../../src/cli/render-failure.js'
import type { DriverFactory } from '../../../src/contracts/driver.js'
import { MachineError } from '../../../src/contracts/errors.js'
import { TSMACHINE_PROFILE } from '../../../src/contracts/profile.js'
import { createMachines, resumeCreates } from '../../../src/machine/create.js'
import { createNames } from '../../../src/machine/create-names.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

/** The fake driver, counted: how often it was opened, and how many creates ran at the same time. */
function counted() {
  const seen = { opened: 0, now: 0, most: 0 }
  const factory: DriverFactory = {
    ...bareFactory,
    async open(deps) {
      seen.opened++
      const driver = await bareFactory.open(deps)
      const create = driver.create.bind(driver)
      return Object.assign(driver, {
        async *create(...args: Parameters<typeof create>) {
          seen.most = Math.max(seen.most, ++seen.now)
          try {
            yield* create(...args)
          } finally {
            seen.now--
          }
        },
      })
    },
  }
  return { seen, factory }
}

function bench(t: Test, signal?: AbortSignal) {
  const dir = scratchDir(t)
  const { seen, factory } = counted()
  const context = (more?: AbortSignal) =>
    machineContext({ dir, factories: { fake: factory }, ...(more ? { signal: more } : {}) })
  const ctx = context(signal)
  const provider = new FakeProvider(join(dir, 'provider'))
  const create = (names: readonly string[], parallel = 8, flags = {}) =>
    createMachines(ctx, {
      names,
      parallel,
      driver: 'fake',
      flagValues: fakeFlags(provider.dir, flags),
      options: machineOptions(),
    })
  return { ctx, context, provider, seen, create }
}

const texts = (error: MachineError) =>
  failureText(error, { profile: TSMACHINE_PROFILE, debug: false, terminal: false })

t.test('twenty machines are made by one driver, so many at a time', async (t) => {
  const { create, ctx, provider, seen } = bench(t)
  const names = createNames(['ci-{n}'], 20)
  t.equal(names.at(-1), 'ci-20')
  t.strictSame(
    await create(names, 5),
    names.map((name) => ({ name })),
  )
  t.equal(provider.read().servers.length, 20)
  t.match(seen, { opened: 1, now: 0 })
  t.ok(seen.most > 1 && seen.most <= 5, `${seen.most} at a time`)
  t.ok(ctx.store.names().every((name) => ctx.store.read(name).ledger?.phase === 'ready'))
})

t.test('one that fails stops no other, is named, and is resumed with the others left alone', async (t) => {
  const { create, context, ctx, provider } = bench(t)
  provider.script([{ call: 'createServer', after: 1, kind: 'fail' }])
  const error = await create(['a', 'b', 'c'], 1).catch((thrown: unknown) => thrown)
  t.match(error, { name: 'MachineError', exitCode: 1, message: '2 of 3 machines are ready: a c; failed: b' })
  t.match(texts(error as MachineError), /^Error: b: .*\n {2}Stage: make\n[^]*tsmachine create b --resume/)
  t.match(ctx.events.at(-1), { type: 'error', text: '2 of 3 machines are ready: a c; failed: b' })
  t.strictSame(await resumeCreates(context(), { names: ['b'], parallel: 8 }), [{ name: 'b' }])
  t.equal(provider.read().servers.length, 3)
})

t.test('what is wrong with all of them is said once, with exit status 3, and nothing is made', async (t) => {
  const { create, ctx } = bench(t)
  const error = await create(['a', 'b', 'c'], 2, { 'fake-region': 'full' }).catch((thrown: unknown) => thrown)
  t.match(error, { code: 'preflight', exitCode: 3 })
  const text = texts(error as MachineError)
  t.match(text, /^a, b, c: Error with pre-create check: "region full is full"/)
  t.equal(text.match(/region full/g)?.length, 1)
  t.strictSame(ctx.store.names(), [])
})

t.test('names are checked before anything is made, and all that are taken are told', async (t) => {
  const { create, ctx, provider } = bench(t)
  await create(['a', 'b'])
  const taken = await create(['c', 'b', 'a']).catch((thrown: unknown) => thrown)
  t.match(taken, { code: 'exists', message: /"b" already exists\n.*"a" already exists/ })
  await t.rejects(create(['c', 'd_e']), { code: 'usage', message: /Invalid hostname/ })
  t.equal(provider.read().servers.length, 2)
  t.strictSame(ctx.store.names(), ['a', 'b'])
})

t.test('a count needs a place for the number, and the other way round', async (t) => {
  const form = ['Write the number into the name: create -n 20 ci-{n}']
  t.throws(() => createNames(['ci'], 2), { code: 'usage', hints: form })
  t.throws(() => createNames(['ci-{n}'], undefined), { code: 'usage', hints: form })
  t.strictSame(createNames(['a-{n}', '{n}-{n}'], 2), ['a-1', 'a-2', '1-1', '2-2'])
  t.strictSame(createNames(['a', 'b', 'a'], undefined), ['a', 'b'])
})

t.test('a signal records what exists, begins no other, and all is removed or resumed', async (t) => {
  const abort = new AbortController()
  const { create, context, ctx, provider } = bench(t, abort.signal)
  provider.script([{ call: 'createServer', after: 2, kind: 'hang' }])
  const update = ctx.store.update.bind(ctx.store)
  ctx.store.update = async (...args) => {
    const record = await update(...args)
    if (args[0] === 'c' && record.ledger.resources.some(({ kind }) => kind === 'server'))
      abort.abort(new MachineError('cancelled', 'Interrupted by SIGINT', { exitCode: 130 }))
    return record
  }
  const error = await create(['a', 'b', 'c', 'd', 'e'], 1).catch((thrown: unknown) => thrown)
  t.match(error, { message: '2 of 5 machines are ready: a b; failed: c; not begun: d e' })
  t.match(ctx.store.read('c'), { ledger: { phase: 'failed', failure: { code: 'cancelled' } } })
  t.strictSame(ctx.store.names(), ['a', 'b', 'c'])
  provider.script([])
  await resumeCreates(context(), { names: ['c'], parallel: 1 })
  t.equal(provider.read().servers.length, 3)
})
