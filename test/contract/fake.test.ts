import t from 'tap'
import { factoryFromProcess } from '../../src/drivers/process/adapter.js'
import { factory } from '../doubles/fake-driver/index.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { compileInto } from '../helpers/compiled.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'
import { NEVER } from '../helpers/never.js'
import { poll } from '../helpers/poll.js'
import { driverContract, type DriverSubject, Trial } from '../../src/drivers/package/kit/testing/index.js'

function fakeSubject(dir: string): DriverSubject {
  const provider = new FakeProvider(dir)
  return {
    load: () => Promise.resolve(factory),
    deps: driverDeps(dir),
    good: { 'fake-dir': dir },
    bad: { 'fake-size': 'huge', 'fake-disk': 0, 'fake-regoin': 'x' },
    faults: [/fake-size wants one of/, /fake-disk/, /requires the --fake-dir/, /did you mean --fake-region/],
    machineDir: (id) => machineDir(dir, id),
    leftovers: () => Promise.resolve(provider.leftovers()),
    count: () => Promise.resolve(provider.read().servers.length),
    listCalls: () => provider.countCalls('listServers'),
    freshState: 'Running',
    abortDelaysMs: [0, 1, 2, 4, 8],
    lostEvents: [0, 1],
  }
}

driverContract(t, 'fake, in this process', (t) => Promise.resolve(fakeSubject(scratchDir(t))))

driverContract(t, 'fake, in a child process', (t) => {
  const dir = scratchDir(t)
  return Promise.resolve({ ...fakeSubject(dir), ...inChild(t, dir), abortDelaysMs: [2], lostEvents: [1] })
})

function inChild(
  t: { teardown(work: () => unknown): unknown },
  dir: string,
): Pick<DriverSubject, 'load' | 'crash'> {
  const entry = 'src/drivers/process/main.ts'
  const module = 'test/doubles/fake-driver/index.ts'
  const compiled = compileInto(dir, [entry, module])
  const children: number[] = []
  const child = factoryFromProcess({
    name: 'fake',
    program: process.execPath,
    args: [compiled(entry), compiled(module)],
    env: { PATH: process.env['PATH'] ?? '' },
    onStart: (pid) => children.push(pid),
  })
  const crash = (): Promise<void> => {
    for (const pid of children.splice(0)) endProcess(pid)
    return Promise.resolve()
  }
  t.teardown(crash)
  return { load: () => Promise.resolve(child), crash }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

t.test('faults of the provider', async (t) => {
  const subject = fakeSubject(scratchDir(t))
  const provider = new FakeProvider(subject.good['fake-dir'] as string)

  for (const kind of ['lost', 'busy', 'broken'] as const)
    for (const after of [0, 1])
      await t.test(`a create whose call ${after} of each kind is ${kind} makes one server`, async (t) => {
        const trial = await Trial.begin(subject)
        provider.script(['createKey', 'createServer', 'listServers'].map((call) => ({ call, after, kind })))
        await trial.create(await trial.open())
        t.equal(provider.read().servers.length, 1)
        await trial.remove(await trial.open())
        t.strictSame(provider.leftovers(), [])
      })

  await t.test('a refusal is not tried again and keeps the words of the provider', async (t) => {
    const trial = await Trial.begin(subject)
    const before = provider.countCalls('createServer')
    provider.script([{ call: 'createServer', after: 0, kind: 'fail' }])
    await t.rejects(trial.create(await trial.open()), { code: 'driver', message: /403 you may not do this/ })
    t.equal(provider.countCalls('createServer') - before, 1)
    t.match(trial.resources, [
      { kind: 'key', state: 'made' },
      { kind: 'firewall', state: 'made' },
      { kind: 'server', state: 'intended' },
    ])
    await trial.remove(await trial.open())
  })

  await t.test('a call that hangs is left at an abort', async (t) => {
    const trial = await Trial.begin(subject)
    provider.script([{ call: 'createServer', after: 0, kind: 'hang' }])
    const before = provider.countCalls('createServer')
    const stop = new AbortController()
    const refused = t.rejects(trial.create(await trial.open(), stop.signal), { name: 'AbortError' })
    await poll(30_000, () => Promise.resolve(provider.countCalls('createServer') > before), 5)
    stop.abort()
    await refused
    await trial.remove(await trial.open())
  })

  await t.test('many machines being created share the list calls of their waits', async (t) => {
    const trials = await Promise.all(Array.from({ length: 8 }, () => Trial.begin(subject)))
    const driver = await (await subject.load()).open(subject.deps)
    const alone = provider.countCalls('listServers')
    for (const trial of trials.slice(0, 1)) await trial.create(driver)
    const one = provider.countCalls('listServers') - alone
    await Promise.all(trials.slice(1).map((trial) => trial.create(driver)))
    const seven = provider.countCalls('listServers') - alone - one
    t.ok(seven < one * 7, `${seven} calls for seven machines, ${one} for one`)
    for (const trial of trials) await trial.remove(driver)
    t.strictSame(
      await driver
        .states(
          trials.map((trial) => trial.machine()),
          NEVER,
        )
        .then((all) => all.map(({ state }) => state)),
      trials.map(() => 'Error'),
    )
  })
})

t.test('a child that is killed within a call leaves nothing behind that remove does not find', async (t) => {
  const dir = scratchDir(t)
  const subject = { ...fakeSubject(dir), ...inChild(t, dir) }
  const provider = new FakeProvider(dir)
  for (const call of ['createKey', 'createServer', 'listServers']) {
    const trial = await Trial.begin(subject)
    provider.script([{ call, after: 0, kind: 'exit' }])
    await t.rejects(trial.create(await trial.open()), { code: 'driver', message: /ended with SIGKILL/ })
    await trial.create(await trial.open())
    t.equal(provider.read().servers.length, 1, `${call}: resumed, one server`)
    await trial.remove(await trial.open())
    t.strictSame(provider.leftovers(), [])
  }
})
