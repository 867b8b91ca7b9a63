/** Creates in processes of their own: killed at each step, two at once, and removed while they run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createMachine, resumeCreate } from '../../src/machine/create.js'
import { listMachines } from '../../src/machine/list.js'
import { removeMachine } from '../../src/machine/remove.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { compileInto } from '../helpers/compiled.js'
import type { CreateTask } from '../helpers/create-worker.js'
import { FakeClock } from '../helpers/fake-clock.js'
import { bareFactory, fakeFlags, hostedFactory, type Hosting } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { poll } from '../helpers/poll.js'
import { machineOptions } from '../helpers/records.js'
import { scriptedHost } from '../helpers/scripted-host.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'tsm-killed-'))
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'))
const worker = compileInto(scratch, ['test/helpers/create-worker.ts'])('test/helpers/create-worker.ts')
symlinkSync(join(ROOT, 'provision/host'), join(scratch, 'provision/host'))

interface Ended {
  readonly signal: string | null
  readonly code: number | null
  readonly said: Readonly<Record<string, unknown>>
}

function start(task: CreateTask): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [worker, JSON.stringify(task)], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    const line = text.split('\n').findLast((each) => each.startsWith('{')) ?? '{}'
    return {
      code: code as number | null,
      signal: signal as string | null,
      said: JSON.parse(line) as Ended['said'],
    }
  })
  return { child, ended }
}

interface Bench {
  readonly dir: string
  readonly provider: FakeProvider
  readonly ctx: ReturnType<typeof machineContext>
}

let count = 0

function bench(hosting?: Hosting, dir = join(scratch, `b${++count}`)): Bench {
  mkdirSync(dir, { recursive: true })
  const fake = hosting ? hostedFactory(hosting) : bareFactory
  const ctx = machineContext({ dir, env: { HOME: dir }, factories: { fake } })
  return { dir, provider: new FakeProvider(join(dir, 'provider')), ctx }
}

async function finish({ ctx, provider }: Bench): Promise<void> {
  if (ctx.store.exists('web')) await resumeCreate(ctx, 'web')
  else {
    const flagValues = fakeFlags(provider.dir)
    await createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
  }
}

async function remove(t: Test, { ctx, provider }: Bench, what: string): Promise<void> {
  if (ctx.store.exists('web')) await removeMachine(ctx, 'web', { force: false })
  t.same(provider.leftovers(), [], `${what}: nothing is left`)
  t.same(ctx.store.names(), [], what)
}

t.test(
  'kill -9 around each write of the record: resume makes no second server, rm leaves none',
  async (t) => {
    for (const dieLate of [false, true])
      for (let dieAfter = 0; dieAfter < 20; dieAfter++) {
        const what = `${dieLate ? 'before the write after' : 'after'} ${dieAfter}`
        const made = bench()
        const task = { dir: made.dir, provider: made.provider.dir, dieAfter, dieLate }
        const { code, signal } = await start(task).ended
        if (code === 0) {
          t.ok(dieAfter > 5, `a whole create writes ${dieAfter} times`)
          break
        }
        t.equal(signal, 'SIGKILL', what)
        if (dieAfter % 2 === 1) await finish(made)
        t.ok(made.provider.read().servers.length <= 1, what)
        if (dieAfter % 2 === 1) t.equal(made.ctx.store.read('web').ledger?.phase, 'ready', what)
        await remove(t, made, what)
      }
  },
)

t.test('kill -9 within the stages over SSH: the host is reached again and finished', async (t) => {
  const first = bench()
  const host = await scriptedHost(t, first.ctx)
  const made = bench(host.hosting, first.dir)
  let deaths = 0
  // One create that dies again and again, each time some steps further.
  for (let lives = 0; lives < 20; lives++) {
    const task = {
      dir: made.dir,
      provider: made.provider.dir,
      hosting: host.hosting,
      dieAfter: 3,
      resume: lives > 0,
    }
    const { code, signal, said } = await start({ ...task, dieLate: lives % 2 === 1 }).ended
    if (code === 0) break
    t.equal(signal, 'SIGKILL', JSON.stringify(said))
    deaths++
    if (deaths >= 6) {
      await finish(made)
      break
    }
  }
  t.ok(deaths >= 3, `${deaths} deaths`)
  t.match(made.ctx.store.read('web').ledger, { phase: 'ready', hostKeys: { rotated: true } })
  t.notOk(existsSync(join(made.ctx.store.dir('web'), 'host_key')))
  t.equal(made.provider.read().servers.length, 1)
  await remove(t, made, 'after all')
})

t.test('two creates of one name: one wins, the other names it', async (t) => {
  const made = bench()
  made.provider.script([{ call: 'createServer', after: 0, kind: 'busy' }])
  const task = { dir: made.dir, provider: made.provider.dir }
  const outcomes = await Promise.all([start(task).ended, start(task).ended])
  const lost = outcomes.find(({ code }) => code !== 0)
  t.equal(outcomes.filter(({ code }) => code === 0).length, 1)
  t.match(lost, { code: 1, said: { code: 'exists', message: /^Docker machine "web" already exists/ } })
  t.equal(made.provider.read().servers.length, 1)
  await remove(t, made, 'both')
})

/** A create whose provider does not answer, once the record names what it asks for. */
async function hanging(made: Bench): Promise<ReturnType<typeof start>> {
  made.provider.script([{ call: 'createServer', after: 0, kind: 'hang' }])
  const running = start({ dir: made.dir, provider: made.provider.dir })
  await poll(20_000, () => Promise.resolve(made.provider.countCalls('createServer') > 0), 20)
  return running
}

t.test('rm while a create runs: it is told to stop, writes its record, and all is removed', async (t) => {
  const made = bench()
  const { ended } = await hanging(made)
  const again = { name: 'web', driver: 'fake', flagValues: {}, options: machineOptions() }
  await t.rejects(createMachine(made.ctx, { ...again, flagValues: fakeFlags(made.provider.dir) }), {
    code: 'exists',
    message: /already exists: create web \(process/,
    hints: ['Wait for the other command to end.'],
  })
  await t.rejects(resumeCreate(made.ctx, 'web'), { code: 'locked' })
  t.match(await listMachines(made.ctx, { filters: [], timeoutMs: 2_000 }), [{ name: 'web' }])
  await removeMachine(made.ctx, 'web', { force: false })
  t.match(await ended, { code: 143, said: { code: 'cancelled', stage: 'make' } })
  t.match(made.ctx.events, [{ type: 'info', text: /^Stopping create web \(process/ }])
  await remove(t, made, 'interrupted')
})

async function stubborn(made: Bench): Promise<ReturnType<typeof start>> {
  const running = start({ dir: made.dir, provider: made.provider.dir, stubborn: true })
  await poll(20_000, () => Promise.resolve(made.ctx.store.lockHolder('web')), 20)
  return running
}

t.test('a create that does not stop is waited for; rm -f ends it after 15 s', async (t) => {
  const made = bench()
  await finish(made)
  const clock = new FakeClock(new Date())
  const ctx = { ...made.ctx, clock }
  const { child, ended } = await stubborn(made)
  await t.rejects(removeMachine(ctx, 'web', { force: false }), {
    code: 'timeout',
    message: new RegExp(`create web \\(process ${child.pid} .* to stop after (29|30) s`),
    hints: ['tsmachine rm -f web'],
  })
  t.ok(made.ctx.store.exists('web'))
  t.equal(child.exitCode, null)
  clock.sleeps.length = 0
  await removeMachine(ctx, 'web', { force: true })
  const waited = clock.sleeps.reduce((sum, ms) => sum + ms, 0)
  t.ok(waited > 12_000 && waited <= 15_000, `${waited} ms`)
  t.equal((await ended).signal, 'SIGKILL')
  t.same(made.provider.leftovers(), [])
  t.notOk(made.ctx.store.exists('web'))
})

t.test('Ctrl-C in rm -f never kills the create that it waits for', async (t) => {
  const made = bench()
  await finish(made)
  const { child, ended } = await stubborn(made)
  const abort = new AbortController()
  const going = removeMachine({ ...made.ctx, signal: abort.signal }, 'web', { force: true })
  setTimeout(() => abort.abort(new Error('stop')), 100)
  await t.rejects(going, { message: 'stop' })
  t.equal(child.signalCode, null)
  t.ok(made.ctx.store.exists('web'))
  child.kill('SIGKILL')
  await ended
  await remove(t, made, 'its lock was of a dead process')
})

t.test('a create that has no record yet is known to rm by its lock', async (t) => {
  const made = bench()
  mkdirSync(made.ctx.store.root, { recursive: true })
  const { ended } = await stubborn(made)
  t.equal(await removeMachine({ ...made.ctx, clock: new FakeClock() }, 'web', { force: true }), true)
  t.equal((await ended).signal, 'SIGKILL')
  await t.rejects(removeMachine(made.ctx, 'web', { force: false }), { code: 'not-found' })
})
