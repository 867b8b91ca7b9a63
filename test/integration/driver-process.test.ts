import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import type { Driver, DriverDeps, MachineSpec } from '../../src/contracts/driver.js'
import { factoryFromProcess, type ChildDriver } from '../../src/drivers/process/adapter.js'
import { compileInto } from '../helpers/compiled.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'

const NEVER = new AbortController().signal
const ENTRY = 'src/drivers/process/main.ts'
const ODD = 'test/fixtures/drivers/odd.ts'

const dir = scratchDir(t)
const compiled = compileInto(dir, [
  ENTRY,
  ODD,
  'src/drivers/process/adapter.ts',
  'src/drivers/process/child.ts',
])
const helpers: string[] = []
const deps: DriverDeps = driverDeps(dir, helpers)

function odd(deadlines: ChildDriver['deadlines'] = {}, started: number[] = []): ChildDriver {
  return {
    name: 'odd',
    program: process.execPath,
    args: [compiled(ENTRY), compiled(ODD)],
    env: { ONLY: 'this' },
    deadlines,
    onStart: (pid) => started.push(pid),
  }
}

function spec(name: string): MachineSpec {
  const id = '0'.repeat(32)
  const machine = { name, id, storeId: 's', dir: machineDir(dir, id) }
  return { machine, config: { dir }, resources: [], sshUser: 'docker', tags: {} }
}

async function opened(child: ChildDriver): Promise<Driver> {
  return await factoryFromProcess(child).open(deps)
}

async function texts(driver: Driver, name: string, signal = NEVER): Promise<string[]> {
  const seen: string[] = []
  for await (const event of driver.create(spec(name), signal)) if ('text' in event) seen.push(event.text)
  return seen
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

async function gone(t: Test, pid: number | undefined): Promise<void> {
  for (let n = 0; n < 200 && isAlive(pid); n++) await new Promise((resolve) => setTimeout(resolve, 10))
  t.notOk(isAlive(pid), 'the process has gone')
}

t.test('what a driver prints beside the protocol does no harm', async (t) => {
  t.strictSame(await texts(await opened(odd()), 'prints'), ['still understood'])
})

t.test('the child gets the environment it is given and no other', async (t) => {
  const [text = '{}'] = await texts(await opened(odd()), 'environment')
  t.match(JSON.parse(text), { ONLY: 'this' })
  t.notOk('HOME' in (JSON.parse(text) as object))
})

t.test('an error of a driver crosses with code, hints, evidence and exit code', async (t) => {
  await t.rejects(texts(await opened(odd()), 'refuses'), {
    name: 'MachineError',
    code: 'preflight',
    message: 'no room',
    hints: ['make room'],
    evidence: 'full',
    exitCode: 3,
  })
  await t.rejects(texts(await opened(odd()), 'unheard-of'), { message: 'no behaviour unheard-of' })
})

t.test(
  'an answer that the contract does not have is refused, and what was made of it is cleaned up',
  async (t) => {
    const driver = await opened(odd())
    const { machine, ...rest } = spec('invents')
    const wrong = { code: 'driver', message: /^The odd driver gave (create|states|endpoint) an answer/ }
    const refusal: unknown = await texts(driver, 'invents').catch((error: unknown) => error)
    t.match(refusal, { ...wrong, message: /: resource\.key is not a text$/ })
    t.notMatch(inspect(refusal), 'hunter2', 'it may be a secret')
    await t.rejects(driver.states([{ ...rest, ...machine }], NEVER), {
      ...wrong,
      message: /: it is not a list$/,
    })
    t.throws(() => driver.endpoint({ ...rest, ...machine }), {
      ...wrong,
      message: /: engine is not an object$/,
    })
    t.strictSame(await texts(driver, 'prints'), ['still understood'], 'the process answers other calls')
    await t.rejects(texts(driver, 'dies'), { code: 'driver', evidence: /cleaned up\n[^]*last words/ })
  },
)

t.test('a process that dies is an error with its last words, and the next call starts another', async (t) => {
  const started: number[] = []
  const driver = await opened(odd({}, started))
  await t.rejects(texts(driver, 'dies'), {
    code: 'driver',
    message: /ended with status 7/,
    evidence: 'last words',
  })
  t.strictSame(await texts(driver, 'prints'), ['still understood'])
  t.equal(started.length, 2)
})

t.test('a program that is not there or is no driver is an error', async (t) => {
  t.throws(() => factoryFromProcess({ ...odd(), program: '/none/such' }), {
    code: 'driver',
    evidence: /ENOENT/,
  })
  t.throws(() => factoryFromProcess({ ...odd(), program: '/bin/sh', args: ['-c', 'echo "what?" >&2'] }), {
    code: 'driver',
    message: 'The process of the odd driver gave no answer to describe',
    evidence: 'what?',
  })
})

t.test('a driver that is deaf to an abort is ended by its own pid', async (t) => {
  const started: number[] = []
  const driver = await opened(odd({ abortMs: 100 }, started))
  const abort = new AbortController()
  const reason = new Error('Ctrl-C')
  const create = driver.create(spec('deaf'), abort.signal)[Symbol.asyncIterator]()
  await create.next()
  const pending = create.next()
  abort.abort(reason)
  await t.rejects(pending, reason)
  await gone(t, started[0])
})

t.test('a call without answer ends at its deadline, and so does the process', async (t) => {
  const started: number[] = []
  const driver = await opened(odd({ eventMs: 300 }, started))
  await t.rejects(texts(driver, 'deaf'), {
    code: 'timeout',
    message: /the odd driver's answer to create after 0\.3 s/,
  })
  await gone(t, started[0])
})

t.test(
  'the driver goes on only when the last event has been taken, and stops when nobody wants more',
  async (t) => {
    const driver = await opened(odd())
    const taken: number[] = []
    for await (const event of driver.create(spec('counts'), NEVER)) {
      if (event.type === 'progress') taken.push(event.done ?? -1)
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (taken.length === 3) break
    }
    t.strictSame(taken, [0, 1, 2])
    t.strictSame(await texts(driver, 'prints'), ['still understood'], 'the process answers other calls')
  },
)

t.test('what the parent lends reaches the driver in the child', async (t) => {
  const faults = await (await opened(odd())).preflight(spec('x'), NEVER)
  t.match(faults[0]?.message, `${join(dir, 'run', '00000000')} ${process.pid} ${join(dir, 'cache')}`)
  t.strictSame(helpers, ['watcher'])
})

t.test('an idle driver process does not keep its parent alive, and ends with it', async (t) => {
  const { spawnSync } = await import('node:child_process')
  const script = `
    import { factoryFromProcess } from ${JSON.stringify(compiled('src/drivers/process/adapter.ts'))}
    const driver = await factoryFromProcess({ name: 'odd', program: process.execPath,
      args: ${JSON.stringify([compiled(ENTRY), compiled(ODD)])}, env: {}, onStart: (pid) => console.log(pid) }).open({ cacheDir: '' })
    await driver.states([], new AbortController().signal)`
  const parent = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  })
  t.equal(parent.status, 0, parent.stderr)
  await gone(t, Number(parent.stdout.trim()))
})

t.test('where there are no descriptors left for its pipes, that is the error', async (t) => {
  const { spawnSync } = await import('node:child_process')
  const script = `
    import { openSync } from 'node:fs'
    import { DriverChild } from ${JSON.stringify(compiled('src/drivers/process/child.ts'))}
    try { for (;;) openSync('/dev/null') } catch {}
    const child = new DriverChild({ name: 'odd', program: '/bin/cat', args: [], env: {} })
    await child.ask({ id: 1, call: 'states', args: [] }).catch(({ code, message }) => console.log(code, message))`
  const words = [process.execPath, '--input-type=module', '-e', script]
  const run = spawnSync('/bin/sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...words], {
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  t.match(run.stdout, /^driver The process of the odd driver could not be started: .*EMFILE/, run.stderr)
})
