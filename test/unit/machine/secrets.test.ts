import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createMachine, resumeCreate } from '../../../src/machine/create.js'
import { inspectMachine } from '../../../src/machine/inspect.js'
import { machineAddress } from '../../../src/machine/address.js'
import { listMachines } from '../../../src/machine/list.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { machineStatus } from '../../../src/machine/status.js'
import { FakeProvider } from '../../doubles/fake-driver/provider.js'
import { bareFactory, fakeFlags } from '../../helpers/hosted-driver.js'
import { machineContext } from '../../helpers/machine-context.js'
import { machineOptions } from '../../helpers/records.js'

const TOKEN = 'glpat-very-secret'

class Bench {
  readonly dir: string
  readonly env: Record<string, string> = {}
  readonly ctx: ReturnType<typeof machineContext>

  constructor(t: Test) {
    this.dir = t.testdir()
    this.ctx = machineContext({ dir: this.dir, env: this.env, factories: { fake: bareFactory } })
  }

  provider(account: string): FakeProvider {
    return new FakeProvider(join(this.dir, account))
  }

  async create(name: string, account: string, token: string): Promise<void> {
    const flagValues = fakeFlags(join(this.dir, account), { 'fake-token': token })
    await createMachine(this.ctx, { name, driver: 'fake', flagValues, options: machineOptions() })
  }

  secrets(): string[] {
    return readdirSync(join(this.ctx.store.root, 'secrets'))
  }
}

t.test('a secret is kept beside the record, and later verbs work without it', async (t) => {
  const bench = new Bench(t)
  bench.provider('one').requireToken(TOKEN)
  await bench.create('web', 'one', TOKEN)
  const { ctx } = bench
  for (const file of ['config.json', 'tsmachine.json'])
    t.notMatch(readFileSync(join(ctx.store.dir('web'), file), 'utf8'), TOKEN, file)
  t.notMatch(JSON.stringify(await inspectMachine(ctx, 'web')), TOKEN)
  t.equal(statSync(join(ctx.store.root, 'secrets', bench.secrets()[0] ?? '')).mode & 0o777, 0o600)
  t.equal(await machineStatus(ctx, 'web'), 'Running')
  await bench.create('db', 'one', TOKEN)
  t.equal(bench.secrets().length, 1, 'machines of one account share an entry')
  await removeMachine(ctx, 'web', { force: false })
  t.equal(await machineStatus(ctx, 'db'), 'Running', 'which outlives the first of them')
  await removeMachine(ctx, 'db', { force: false })
  t.strictSame(bench.provider('one').leftovers(), [])
})

t.test('accounts with secrets of their own live side by side', async (t) => {
  const bench = new Bench(t)
  for (const account of ['one', 'two']) bench.provider(account).requireToken(`${TOKEN}-${account}`)
  for (const account of ['one', 'two']) await bench.create(account, account, `${TOKEN}-${account}`)
  for (const name of ['one', 'two']) await removeMachine(bench.ctx, name, { force: false })
  t.strictSame([...bench.provider('one').leftovers(), ...bench.provider('two').leftovers()], [])
})

t.test('a reference is recorded as it was given', async (t) => {
  const bench = new Bench(t)
  bench.provider('one').requireToken(TOKEN)
  const file = join(bench.dir, 'token')
  writeFileSync(file, `${TOKEN}\n`)
  await bench.create('web', 'one', `file:${file}`)
  t.strictSame(bench.ctx.store.read('web').ledger?.secrets, { token: `file:${file}` })
  t.equal(await machineStatus(bench.ctx, 'web'), 'Running')
  rmSync(file)
  await t.rejects(machineStatus(bench.ctx, 'web'), { code: 'preflight', message: /token/ })
  t.match(await listMachines(bench.ctx, { filters: [], timeoutMs: 1_000 }), [
    { name: 'web', state: 'Error', error: /the file does not exist/ },
  ])
  t.equal((await machineAddress(bench.ctx, 'web')).ip, '198.51.100.1', 'the record alone answers')
  t.match(await inspectMachine(bench.ctx, 'web'), { DriverName: 'fake' })
  await t.rejects(removeMachine(bench.ctx, 'web', { force: false }), { message: /Error removing host "web"/ })
  t.ok(bench.ctx.store.exists('web'))
  await t.rejects(bench.create('db', 'one', `file:${file}`), { code: 'preflight' })
  t.notOk(bench.ctx.store.exists('db'))
  bench.env['FAKE_TOKEN'] = TOKEN
  await removeMachine(bench.ctx, 'web', { force: false })
  t.strictSame(bench.provider('one').leftovers(), [], 'a variable that is set now counts first')
})

t.test('a wrong secret fails, and the create carries on once it is right', async (t) => {
  const bench = new Bench(t)
  bench.provider('one').requireToken(TOKEN)
  await t.rejects(bench.create('web', 'one', 'wrong'), { message: /401/ })
  bench.env['FAKE_TOKEN'] = TOKEN
  await resumeCreate(bench.ctx, 'web')
  t.match(bench.ctx.store.read('web'), { ledger: { phase: 'ready' } })
})
