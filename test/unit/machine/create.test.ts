import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Clock } from '../../../src/contracts/clock.js'
import type { DriverFactory, FlagValues } from '../../../src/contracts/driver.js'
import { MachineError } from '../../../src/contracts/errors.js'
import type { LedgerRecord } from '../../../src/contracts/record.js'
import { createMachine, type CreateResult, resumeCreate } from '../../../src/machine/create.js'
import { CREATE_STAGES } from '../../../src/machine/create-stages.js'
import type { CreateState } from '../../../src/machine/create-state.js'
import { listMachines } from '../../../src/machine/list.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { START_STAGES, startMachine } from '../../../src/machine/start.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { hastyClock } from '../../helpers/hasty-clock.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

interface Bench {
  readonly dir: string
  readonly ctx: ReturnType<typeof machineContext>
  readonly provider: FakeProvider
  readonly create: (name?: string, more?: FlagValues, driver?: string) => Promise<CreateResult>
  readonly ledger: () => LedgerRecord | undefined
}

/** A store, a provider double and the fake driver without SSH. */
function bench(
  t: Test,
  options: { signal?: AbortSignal; factory?: DriverFactory; clock?: Clock } = {},
): Bench {
  const dir = scratchDir(t)
  const { signal, factory = bareFactory, clock } = options
  const found = machineContext({ dir, ...(signal ? { signal } : {}), factories: { fake: factory } })
  const ctx = { ...found, clock: clock ?? found.clock }
  const provider = new FakeProvider(join(dir, 'provider'))
  return {
    dir,
    ctx,
    provider,
    create: (name = 'web', more = {}, driver = 'fake') =>
      createMachine(ctx, {
        name,
        driver,
        flagValues: fakeFlags(provider.dir, more),
        options: machineOptions(),
      }),
    ledger: () => ctx.store.read('web').ledger,
  }
}

t.test('a machine is made, recorded step by step and ready', async (t) => {
  const { create, ledger, provider, ctx } = bench(t)
  t.same(await create(), { name: 'web' })
  t.match(ledger(), {
    phase: 'ready',
    stepsDone: ['make'],
    resources: [
      { kind: 'key', state: 'made' },
      { kind: 'firewall', state: 'made' },
      { kind: 'server', state: 'made', id: 'srv-1' },
    ],
  })
  t.equal(provider.read().servers.length, 1)
  t.equal(ctx.store.lockHolder('web'), undefined)
  t.same(
    ctx.events.flatMap((event) => (event.type === 'stage' ? [`${event.stage} ${event.state}`] : [])),
    ['preflight start', 'preflight done', 'make start', 'make done'],
  )
})

t.test('a bad name is refused in the words of docker-machine before anything is touched', async (t) => {
  const { create, dir } = bench(t)
  for (const name of ['', 'a_b', '-a', '.a', 'a/b', '../a', 'a b', 'ä', 'a\nb', 'a$'])
    await t.rejects(create(name), { code: 'usage', exitCode: 2, message: /Invalid hostname specified/ }, name)
  t.notOk(existsSync(join(dir, 'store')))
})

t.test('names at the edges of the rule are taken', async (t) => {
  const { create, ctx } = bench(t)
  const names = ['a', '0', 'A-b.c', `x${'y'.repeat(63)}`]
  for (const name of names) await create(name)
  t.same(ctx.store.names().sort(), names.toSorted())
})

t.test('an unknown driver names the nearest one', async (t) => {
  await t.rejects(bench(t).create('web', {}, 'genric'), {
    code: 'usage',
    message: /genric/,
    hints: /generic/,
  })
})

t.test('all faults of a config come at once', async (t) => {
  const { create, ctx } = bench(t)
  const bad = create('web', { 'fake-size': 'huge', 'fake-disk': 0 })
  await t.rejects(bad, { code: 'usage', message: /fake-size.*;.*fake-disk|fake-disk.*;.*fake-size/ })
  t.notOk(ctx.store.exists('web'))
})

t.test('a failed preflight exits 3 with the words of the provider and leaves no machine', async (t) => {
  const { create, ctx, provider } = bench(t)
  await t.rejects(create('web', { 'fake-region': 'full' }), {
    code: 'preflight',
    exitCode: 3,
    stage: 'preflight',
    message: 'Error with pre-create check: "region full is full"',
    hints: ['Choose another one with --fake-region.', 'tsmachine doctor'],
  })
  t.same(ctx.store.names(), [])
  t.notOk(existsSync(join(ctx.store.root, 'machines')))
  t.equal(ctx.store.lockHolder('web'), undefined)
  t.same(provider.leftovers(), [])
  await create()
})

t.test('a taken name is refused; an unfinished one says how to go on', async (t) => {
  const { create, provider, ctx } = bench(t)
  await create('done')
  await t.rejects(create('done'), {
    code: 'exists',
    message: 'Docker machine "done" already exists',
    hints: ['tsmachine rm done', 'or choose another name'],
  })
  provider.script([{ call: 'createServer', after: 0, kind: 'fail' }])
  await t.rejects(create(), { code: 'driver' })
  await t.rejects(create(), { code: 'exists', hints: [/tsmachine create web --resume/, /tsmachine rm web/] })
  mkdirSync(join(ctx.store.root, 'machines', 'broken'))
  await t.rejects(create('broken'), { code: 'exists', hints: ['tsmachine rm broken', /another name/] })
})

t.test('a create of the same name in this moment is named, not offered to be resumed', async (t) => {
  const { create, provider } = bench(t)
  provider.script([{ call: 'createServer', after: 0, kind: 'busy' }])
  // Either may be faster.
  const outcomes = await Promise.allSettled([create(), create()])
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  t.match(
    outcomes.find(({ status }) => status === 'rejected'),
    {
      reason: { code: 'exists', message: /already exists: .*create web \(process/, hints: [/Wait/] },
    },
  )
  t.equal(provider.read().servers.length, 1)
})

for (const call of ['createKey', 'createServer', 'listServers'])
  t.test(`${call} fails: the record says where, --resume carries on, one server exists`, async (t) => {
    const { create, provider, ledger, ctx } = bench(t)
    provider.script([{ call, after: 0, kind: 'fail' }])
    await t.rejects(create(), {
      code: 'driver',
      stage: 'make',
      message: /403 you may not do this/,
      hints: ['Ask for the right.', 'tsmachine create web --resume', 'tsmachine rm web'],
    })
    t.match(ledger(), { phase: 'failed', failure: { stage: 'make', code: 'driver', message: /403/ } })
    t.match(await listMachines(ctx, { filters: [], timeoutMs: 2_000 }), [
      { name: 'web', error: /create failed at make: .*403/ },
    ])
    await t.rejects(startMachine(ctx, 'web'), { message: /did not finish|already running|gone/ })
    await resumeCreate(ctx, 'web')
    t.match(ledger(), { phase: 'ready', stepsDone: ['make'] })
    t.equal(ledger()?.failure, undefined)
    t.equal(provider.read().servers.length, 1)
    await removeMachine(ctx, 'web', { force: false })
    t.same(provider.leftovers(), [])
  })

t.test('a lost answer and a resume never make a second server', async (t) => {
  const { create, provider, ctx } = bench(t)
  provider.script([
    { call: 'createServer', after: 0, kind: 'lost' },
    { call: 'listServers', after: 1, kind: 'fail' },
  ])
  await t.rejects(create(), { code: 'driver', stage: 'make' })
  t.equal(provider.read().servers.length, 1, 'it was made all the same')
  await resumeCreate(ctx, 'web')
  t.equal(provider.read().servers.length, 1)
})

t.test('only an unfinished create is resumed', async (t) => {
  const { create, ctx } = bench(t)
  await t.rejects(resumeCreate(ctx, 'web'), { code: 'not-found' })
  await create()
  await t.rejects(resumeCreate(ctx, 'web'), { code: 'exists', message: /already exists and is complete/ })
  const lock = await ctx.store.lock('web', 'create web')
  await t.rejects(resumeCreate(ctx, 'web'), { code: 'locked', message: /create web \(process/ })
  await lock.release()
})

t.test('interrupted at each event: exit status of the signal, a record, and both ways on', async (t) => {
  const all = bench(t)
  await all.create()
  const events = all.ledger()?.generation ?? 0
  t.ok(events >= 6, `${events} changes of the record`)
  for (let at = 1; at <= events; at++) {
    const abort = new AbortController()
    const { create, ctx, ledger, provider, dir } = bench(t, { signal: abort.signal })
    const { store } = ctx
    const update = store.update.bind(store)
    let seen = 0
    store.update = async (...args) => {
      const record = await update(...args)
      if (++seen === at)
        abort.abort(new MachineError('cancelled', 'Interrupted by SIGTERM', { exitCode: 143 }))
      return record
    }
    const outcome = await create().catch((error: unknown) => error)
    store.update = update
    const next = machineContext({ dir, factories: { fake: bareFactory } })
    if (outcome instanceof MachineError) {
      t.match(outcome, { code: 'cancelled', exitCode: 143, stage: 'make' }, `at ${at}`)
      t.match(ledger(), { phase: 'failed', failure: { stage: 'make', code: 'cancelled' } }, `at ${at}`)
      if (at % 2 === 0) await resumeCreate(next, 'web')
    } else t.ok(at >= events - 1, `finished although interrupted at ${at}`)
    t.ok(provider.read().servers.length <= 1)
    await removeMachine(next, 'web', { force: false })
    t.same(provider.leftovers(), [], `nothing left, interrupted at ${at}`)
  }
})

t.test(
  'a driver that does not stop when interrupted is left after its grace',
  { timeout: 20_000 },
  async (t) => {
    const abort = new AbortController()
    const deaf: DriverFactory = {
      ...bareFactory,
      async open(deps) {
        const driver = await bareFactory.open(deps)
        return Object.assign(driver, {
          async *create() {
            yield {
              type: 'intent' as const,
              resource: { kind: 'server', key: 'x', state: 'intended' as const },
            }
            abort.abort(new MachineError('cancelled', 'Interrupted', { exitCode: 130 }))
            await new Promise(() => undefined)
          },
        })
      },
    }
    const { create, ledger } = bench(t, { signal: abort.signal, factory: deaf, clock: hastyClock(10) })
    const started = performance.now()
    await t.rejects(create(), { code: 'cancelled', exitCode: 130, stage: 'make' })
    t.ok(performance.now() - started < 10_000)
    t.match(ledger(), { phase: 'failed', resources: [{ key: 'x', state: 'intended' }] })
  },
)

t.test('each stage has a deadline of its own, a text and a command to type', async (t) => {
  const open = { ledger: { phase: 'failed' }, driver: {} }
  const state = { name: 'web', console: undefined, open } as unknown as CreateState
  for (const [verb, stages] of [
    ['create', CREATE_STAGES],
    ['start', START_STAGES],
  ] as const) {
    t.equal(new Set(stages.map((row) => row.stage)).size, stages.length)
    t.equal(new Set(stages.map((row) => row.text)).size, stages.length)
    for (const row of stages) {
      const what = `${verb}: ${row.stage}`
      t.ok(row.deadlineMs >= 60_000 && row.deadlineMs <= 600_000, what)
      t.match(row.text, /^[A-Z][\w ]+$/, what)
      t.ok(row.hints(state).length > 0, what)
      for (const hint of row.hints(state)) t.match(hint, /^tsmachine [a-z]+ .*web/, what)
      t.doesNotThrow(() => row.evidence?.(state), what)
    }
  }
  for (const row of CREATE_STAGES)
    t.ok(row.hints(state).includes('tsmachine create web --resume'), `${row.stage} can be resumed`)
  const seen = { ...state, open: { ...open, driver: { console: () => undefined } } } as unknown as CreateState
  const boots = CREATE_STAGES.filter((row) => row.hints(seen).includes('tsmachine logs web --boot'))
  t.same(
    boots.map(({ stage }) => stage),
    ['boot', 'ssh'],
    'a boot log is offered where there is one',
  )
})
