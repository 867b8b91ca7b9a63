import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MachineError } from '../../../src/contracts/errors.js'
import { createMachine } from '../../../src/machine/create.js'
import { listMachines } from '../../../src/machine/list.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { startMachine } from '../../../src/machine/start.js'
import { machineAddress } from '../../../src/machine/address.js'
import { killMachine, stopMachine } from '../../../src/machine/stop.js'
import { fileError } from '../../../src/util/file-error.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

interface Bench {
  readonly dir: string
  readonly ctx: ReturnType<typeof machineContext>
  readonly provider: FakeProvider
  readonly rm: (force?: boolean) => Promise<boolean>
  /** Overwrites a file of the record. */
  readonly put: (file: string, text: string) => void
}

/** A store with the machine `web` in it. */
async function bench(t: Test, signal?: AbortSignal): Promise<Bench> {
  const dir = scratchDir(t)
  const ctx = machineContext({ dir, factories: { fake: bareFactory }, ...(signal ? { signal } : {}) })
  const provider = new FakeProvider(join(dir, 'provider'))
  const flagValues = fakeFlags(provider.dir)
  await createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  return {
    dir,
    ctx,
    provider,
    rm: (force = false) => removeMachine(ctx, 'web', { force }),
    put: (file, text) => writeFileSync(join(ctx.store.dir('web'), file), text),
  }
}

t.test('rm removes what the record names, then the record; twice is an error only unforced', async (t) => {
  const { rm, ctx, provider } = await bench(t)
  await rm()
  t.same(provider.leftovers(), [])
  t.notOk(existsSync(ctx.store.dir('web')))
  t.same(ctx.store.tombstones(), [])
  await t.rejects(rm(), { code: 'not-found', message: /"web" does not exist/ })
  await rm(true)
})

t.test('two rm at once both succeed', async (t) => {
  const { rm, ctx, provider } = await bench(t)
  await Promise.all([rm(), rm()])
  t.notOk(ctx.store.exists('web'))
  t.same(provider.leftovers(), [])
})

t.test('a machine that its provider no longer has is removed without complaint', async (t) => {
  const { rm, ctx, provider } = await bench(t)
  provider.deleteServer('srv-1')
  await rm()
  t.notOk(ctx.store.exists('web'))
})

t.test('a provider that refuses keeps the record, and the machine usable', async (t) => {
  const { rm, ctx, provider } = await bench(t)
  provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
  await t.rejects(rm(), {
    code: 'driver',
    exitCode: 1,
    message: 'Error removing host "web": deleteServer: 403 you may not do this',
    hints: ['Ask for the right.', /tsmachine rm -f web/],
  })
  t.match(ctx.store.read('web').ledger, { phase: 'ready', resources: [{}, {}] })
  await rm()
  t.same(provider.leftovers(), [])
})

t.test('a removal that got half way says so and is finished by the next', async (t) => {
  const { rm, ctx, provider } = await bench(t)
  provider.script([{ call: 'deleteKey', after: 0, kind: 'fail' }])
  await t.rejects(rm(), { message: /deleteKey/ })
  t.match(ctx.store.read('web').ledger, { phase: 'removing', resources: [{ kind: 'key' }] })
  await t.rejects(startMachine(ctx, 'web'), { message: '"web" is half removed', hints: ['tsmachine rm web'] })
  const again = createMachine(ctx, {
    name: 'web',
    driver: 'fake',
    flagValues: fakeFlags(provider.dir),
    options: machineOptions(),
  })
  await t.rejects(again, { code: 'exists', hints: ['tsmachine rm web', /another name/] })
  await rm()
  t.same(provider.leftovers(), [])
})

t.test('rm -f of what the provider keeps leaves a tombstone that names it', async (t) => {
  const { rm, ctx, provider } = await bench(t)
  provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
  await rm(true)
  t.notOk(ctx.store.exists('web'))
  t.match(ctx.store.tombstones(), [
    {
      name: 'web',
      record: {
        ledger: { resources: [{ kind: 'key' }, { kind: 'firewall' }, { kind: 'server', id: 'srv-1' }] },
      },
    },
  ])
  t.match(ctx.events.at(-1), { type: 'error', text: /Error removing host "web": .*403/ })
  t.same(await listMachines(ctx, { filters: [], timeoutMs: 500 }), [])
})

t.test('an interrupted rm keeps the record, also forced', async (t) => {
  const abort = new AbortController()
  const { rm, ctx, provider } = await bench(t, abort.signal)
  provider.script([{ call: 'deleteServer', after: 0, kind: 'hang' }])
  const going = rm(true)
  setTimeout(() => abort.abort(new MachineError('cancelled', 'Interrupted', { exitCode: 130 })), 100)
  await t.rejects(going, { code: 'cancelled', exitCode: 130 })
  t.ok(ctx.store.exists('web'))
  t.same(ctx.store.tombstones(), [])
  t.equal(ctx.store.lockHolder('web'), undefined)
})

t.test('a config.json that cannot be read costs nothing: the ledger names what was made', async (t) => {
  for (const text of ['', '{"ConfigVersion": 3,', '{"ConfigVersion": 4}'])
    for (const force of [false, true]) {
      const { rm, ctx, provider, put } = await bench(t)
      put('config.json', text)
      t.match(await listMachines(ctx, { filters: [], timeoutMs: 500 }), [{ name: 'web', state: 'Error' }])
      provider.script([{ call: 'deleteServer', after: 0, kind: 'fail' }])
      if (!force) await t.rejects(rm(), { message: /403/ }, text)
      else provider.script([])
      await rm(force)
      t.same(provider.leftovers(), [], text)
      t.notOk(ctx.store.exists('web'))
      t.same(ctx.store.tombstones(), [])
    }
})

t.test('a ledger that cannot be read is kept: rm refuses, rm -f buries it', async (t) => {
  for (const text of ['', '{"schemaVersion"', '{"schemaVersion": 99}']) {
    const { rm, ctx, put } = await bench(t)
    put('tsmachine.json', text)
    const [row] = await listMachines(ctx, { filters: [], timeoutMs: 500 })
    t.match(row, { name: 'web', state: 'Error', error: /tsmachine\.json/ })
    await t.rejects(rm(), { code: 'store', message: /tsmachine\.json/, hints: /rm -f web/ }, text)
    t.ok(ctx.store.exists('web'))
    await rm(true)
    t.match(ctx.store.tombstones(), [{ name: 'web' }])
    const [tombstone] = ctx.store.tombstones()
    t.equal(readFileSync(join(tombstone?.dir ?? '', 'tsmachine.json'), 'utf8'), text)
  }
})

t.test('a directory without any record is removed by force', async (t) => {
  const { rm, ctx } = await bench(t)
  await rm()
  mkdirSync(ctx.store.dir('web'))
  await t.rejects(rm(), { code: 'store' })
  await rm(true)
  t.notOk(ctx.store.exists('web'))
})

t.test('a name that is not known is an error of its own; forced it is mentioned', async (t) => {
  const { ctx } = await bench(t)
  await t.rejects(removeMachine(ctx, 'wep', { force: false }), {
    code: 'not-found',
    message: /^Error removing host "wep": Docker machine "wep" does not exist\. Use/,
    hints: ['Did you mean web?'],
  })
  t.equal(await removeMachine(ctx, 'wep', { force: true }), false)
  t.match(ctx.events.slice(-2), [
    { type: 'error', text: /^Error removing host "wep": Docker machine "wep" does not exist\. Use/ },
    { type: 'error', machine: 'wep', text: 'Can\'t remove "wep"' },
  ])
  t.equal(await removeMachine(ctx, 'web', { force: false }), true)
})

t.test('a locked machine names its holder', { timeout: 20_000 }, async (t) => {
  const { ctx } = await bench(t)
  const lock = await ctx.store.lock('web', 'provision web')
  const abort = new AbortController()
  const waiting = startMachine({ ...ctx, signal: abort.signal }, 'web')
  setTimeout(() => abort.abort(new MachineError('cancelled', 'Interrupted')), 50)
  await t.rejects(waiting, { code: 'cancelled' }, 'waiting for a lock can be interrupted')
  await t.rejects(ctx.store.lock('web', 'stop web', { waitMs: 30 }), {
    code: 'locked',
    message: new RegExp(`"web" is locked by provision web \\(process ${process.pid} on `),
    hints: [new RegExp(`kill ${process.pid}`)],
  })
  await lock.release()
})

t.test('stop and kill power off once, and say so the second time', async (t) => {
  for (const verb of [stopMachine, killMachine]) {
    const { ctx, provider } = await bench(t)
    await verb(ctx, 'web')
    t.equal(provider.read().servers[0]?.state, 'Stopped')
    await t.rejects(machineAddress(ctx, 'web'), { code: 'not-running' }, 'which its record knows')
    await t.rejects(verb(ctx, 'web'), { code: 'driver', message: 'Machine "web" is already stopped.' })
    provider.deleteServer('srv-1')
    await t.rejects(verb(ctx, 'web'), { message: /the server is gone/ })
    t.equal(ctx.store.lockHolder('web'), undefined)
  }
})

t.test('a stop that is interrupted ends and leaves the record as it was', async (t) => {
  const abort = new AbortController()
  const { ctx, provider } = await bench(t, abort.signal)
  provider.script([{ call: 'setState', after: 0, kind: 'hang' }])
  setTimeout(() => abort.abort(new MachineError('cancelled', 'Interrupted', { exitCode: 143 })), 50)
  await t.rejects(stopMachine(ctx, 'web'), { code: 'cancelled', exitCode: 143 })
  t.match(ctx.store.read('web').ledger, { phase: 'ready' })
})

t.test('a machine that fills the disk can still be ended and removed', async (t) => {
  const { rm, ctx, provider } = await bench(t)
  const full = fileError('write', '/store/x', Object.assign(new Error('no space'), { code: 'ENOSPC' }))
  const refusing: PropertyKey[] = ['lock', 'update']
  const store = new Proxy(ctx.store, {
    get(target, key) {
      if (refusing.includes(key)) return () => Promise.reject(full)
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  await killMachine({ ...ctx, store }, 'web')
  await removeMachine({ ...ctx, store }, 'web', { force: false })
  t.same(provider.leftovers(), [])
  t.notOk(existsSync(ctx.store.dir('web')))
  await t.rejects(rm(), { code: 'not-found' })
})

t.test('rm -f of a machine whose record says nothing names the processes that use its folder', async (t) => {
  const { rm, ctx, put } = await bench(t)
  put('tsmachine.json', '')
  put('config.json', '{')
  put('disk', '')
  const child = spawn('tail', ['-f', join(ctx.store.dir('web'), 'disk')], { stdio: 'ignore' })
  t.teardown(() => child.kill())
  await rm(true)
  t.match(
    ctx.events.map((event) => ('text' in event ? event.text : '')).join('\n'),
    new RegExp(`kill ${String(child.pid)} \\(tail\\).*docker context rm web`),
  )
})
