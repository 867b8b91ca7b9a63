import t, { type Test } from 'tap'
import type { StateReport } from '../../../src/contracts/driver.js'
import type { RemoteShell } from '../../../src/contracts/ssh.js'
import { MachineError } from '../../../src/contracts/errors.js'
import { explainByConsole } from '../../../src/machine/console-trouble.js'
import { ConsoleWatch } from '../../../src/machine/console-watch.js'
import { explainByHost } from '../../../src/machine/engine-trouble.js'
import type { OpenMachine } from '../../../src/machine/open.js'
import { waitForEngine } from '../../../src/machine/verify.js'
import { testCertificates } from '../../helpers/certificates.js'
import { machineContext } from '../../helpers/machine-context.js'
import { poll } from '../../helpers/poll.js'
import { freePort } from '../../helpers/sshd.js'

const SAID = `time=1 level=error msg="no space left on device"
@@host full /var/lib/tsmachine 990000 0
@@host clock ${Math.floor(Date.now() / 1000)}`

/** A connection whose every command prints this. */
function saying(stdout: string): RemoteShell {
  return {
    hostKey: 'ssh-ed25519 AAAA',
    roundTrips: 0,
    exec: () => Promise.resolve({ code: 0, stdout, stderr: '' }),
    close: () => undefined,
  }
}

function machine(console: readonly string[] = [], more: object = {}, endpoint?: () => object): OpenMachine {
  const lines = async function* () {
    await Promise.resolve()
    yield* console
  }
  return {
    name: 'web',
    driver: { console: lines, patience: () => 0.01, endpoint },
    machine: {},
    factory: { capabilities: { power: false } },
    ledger: { options: {}, phase: 'ready' },
    ...more,
  } as unknown as OpenMachine
}

t.test('an engine’s failure gets its log, the full disk with figures, and what to do first', async (t) => {
  const ctx = machineContext({ dir: t.testdir() })
  const error = new MachineError('timeout', 'Gave up waiting', { hints: ['tsmachine logs web --engine'] })
  const known = await explainByHost(ctx, machine(), error, saying(SAID))
  t.match(known, {
    code: 'timeout',
    message: "Gave up waiting. The host's file system /var/lib/tsmachine is full (0 MB free of 1013 MB)",
    evidence: 'time=1 level=error msg="no space left on device"',
    machine: 'web',
    hints: [/Make room there .*tsmachine provision web$/, 'tsmachine logs web --engine'],
  })
})

t.test('a plan’s failure keeps its own evidence, and gets no engine log', async (t) => {
  const ctx = machineContext({ dir: t.testdir() })
  const own = new MachineError('provision', 'The host could not x', { evidence: 'cp: no' })
  t.match(await explainByHost(ctx, machine(), own, saying(SAID)), { evidence: 'cp: no', message: /is full/ })
  const bare = new MachineError('provision', 'not a JSON object')
  t.match(await explainByHost(ctx, machine(), bare, saying('a log\n')), { evidence: undefined })
})

t.test('a host that says nothing, another kind of failure, and Ctrl-C leave an error as it is', async (t) => {
  const stop = new AbortController()
  const ctx = machineContext({ dir: t.testdir(), signal: stop.signal })
  const error = new MachineError('engine', 'no answer')
  const silent = { ...saying(''), exec: () => new Promise<never>(() => undefined) }
  t.equal(await explainByHost(ctx, machine(), error, silent), error)
  const store = new MachineError('store', 'no room here')
  t.equal(await explainByHost(ctx, machine(), store, saying(SAID)), store)
  stop.abort()
  t.equal(await explainByHost(ctx, machine(), error, saying(SAID)), error)
})

const silence = new MachineError('timeout', 'Gave up waiting for SSH')
const byConsole = async (t: Test, console: readonly string[]): Promise<unknown> =>
  await explainByConsole(machineContext({ dir: t.testdir() }), machine(console), silence)

t.test('a guest that nobody gets into is explained by its console', async (t) => {
  const panic = ['[ 1.0] Kernel panic - not syncing: sysrq triggered crash', '[ 1.1] CPU: 0']
  t.match(await byConsole(t, panic), {
    code: 'timeout',
    message:
      "Gave up waiting for SSH. The guest's kernel stopped: Kernel panic - not syncing: sysrq triggered crash",
    evidence: panic.join('\n'),
    hints: [/tsmachine kill web/],
  })
  const killed = ['[ 9.0] Out of memory: Killed process 7 (dropbear) total-vm:1kB']
  t.match(await byConsole(t, killed), {
    message: /run out of memory: Out of memory: Killed process 7 \(dropbear\)/,
  })
  t.match(await byConsole(t, [...panic, 'tsmachine-init: ready', ...killed]), { message: /out of memory/ })
  t.match(await byConsole(t, ['tsmachine-init: ready']), {
    message: 'Gave up waiting for SSH',
    evidence: 'tsmachine-init: ready',
  })
  t.equal(await byConsole(t, []), silence)
})

/** A machine whose driver says this of it. */
const standing = (
  report: Pick<StateReport, 'state' | 'error'>,
  console: readonly string[] = [],
  phase = 'ready',
): OpenMachine => {
  const open = machine(console, {
    factory: { capabilities: { power: true } },
    ledger: { options: {}, phase },
  })
  return { ...open, driver: { ...open.driver, states: () => Promise.resolve([{ id: '1', ...report }]) } }
}

t.test(
  'a machine that stopped while it was worked on is told with its state, and with what goes on',
  async (t) => {
    const ctx = machineContext({ dir: t.testdir() })
    const lost = new MachineError('ssh', 'The connection was lost', { hints: ['tsmachine provision web'] })
    const panic = { state: 'Error', error: 'Kernel panic - not syncing: x' } as const
    t.match(await explainByHost(ctx, standing(panic), lost, saying(SAID)), {
      code: 'ssh',
      message: 'The connection was lost. Its state is Error (Kernel panic - not syncing: x)',
      hints: ['Start it anew: tsmachine kill web, then: tsmachine start web', 'tsmachine provision web'],
    })
    for (const state of ['Stopped', 'Paused', 'Saved'] as const)
      t.match(await explainByHost(ctx, standing({ state }), lost), {
        message: `The connection was lost. Its state is ${state}`,
        hints: [/: tsmachine start web$/],
      })
    t.match(await explainByHost(ctx, standing(panic, [], 'failed'), lost), {
      hints: ['Cut its power first: tsmachine kill web', 'tsmachine provision web'],
    })
    const busy = new MachineError('engine', 'no answer')
    t.match(await explainByHost(ctx, standing({ state: 'Running' }), busy, saying(SAID)), {
      message: /is full/,
    })
    const open = standing({ state: 'Running' }, ['[ 1.0] Kernel panic - not syncing: y'])
    t.match(await explainByHost(ctx, open, lost), { message: /^The connection was lost. .* not syncing: y$/ })
    const unasked = standing({ state: 'Running' })
    unasked.driver.states = () => Promise.reject(new Error('no network'))
    t.equal(await explainByHost(ctx, unasked, lost), lost)
  },
)

t.test('a panic is told until the kernel has begun again', async (t) => {
  const lines = ['[ 1.0] Kernel panic - not syncing: x', '[ 1.1] CPU: 0', '[ 1.2] Rebooting in 30 seconds..']
  const panicOf = async (console: readonly string[]): Promise<string | undefined> => {
    let heard = 0
    const watch = new ConsoleWatch(machine(console).driver, machine().machine, () => heard++)
    await poll(5_000, () => Promise.resolve(heard === console.length), 5)
    return watch.panic
  }
  t.equal(await panicOf(lines), 'Kernel panic - not syncing: x')
  t.equal(await panicOf([...lines, '']), 'Kernel panic - not syncing: x')
  t.equal(await panicOf([...lines, 'Linux version 6.1']), undefined)
  t.match(await panicOf([...lines, 'Linux version 6.1', '[ 9.0] Kernel panic - not syncing: z']), /z$/)
})

t.test('an engine that keeps ending is not waited for until the deadline', async (t) => {
  const certificates = await testCertificates()
  t.teardown(() => certificates.remove())
  const { dir } = certificates
  const port = await freePort()
  const ctx = machineContext({ dir })
  const AuthOptions = { CaCertPath: '', ClientCertPath: '', ClientKeyPath: '' }
  const record = { dir, config: { HostOptions: { AuthOptions } } }
  const engine = (): object => ({ engine: { host: '127.0.0.1', port } })
  const said = (times: number): string[] =>
    Array.from({ length: times }, () => 'tsmachine-init: engine ended (exit 1), starting it again in 8 s')
  /** Ends that were told before the wait, and during it. */
  const wait = async (before: number, more: number, deadlineMs: number, panic?: string): Promise<unknown> => {
    const lines = said(before)
    const open = machine(lines, { record }, engine)
    const seen = new ConsoleWatch(open.driver, open.machine)
    await poll(5_000, () => Promise.resolve(seen.engineEnds.times === before), 5)
    let looks = 0
    const watch = {
      panic,
      get engineEnds() {
        return { ...seen.engineEnds, times: looks++ === 0 ? before : before + more }
      },
    } as ConsoleWatch
    return await waitForEngine(ctx, open, deadlineMs, ctx.signal, watch)
  }
  const hopeless = { code: 'engine', message: /ends as soon as it is started \(5 times, exit 1\)/ }
  await t.rejects(wait(1, 4, 60_000), hopeless)
  await t.rejects(wait(1, 3, 300), { code: 'timeout' }, 'it may yet come up')
  const stopped = { code: 'driver', message: "The guest's kernel stopped: Kernel panic - not syncing: x" }
  await t.rejects(wait(0, 0, 60_000, 'Kernel panic - not syncing: x'), stopped)
  await t.rejects(wait(9, 0, 300), { code: 'timeout' }, 'what it lacked may be there now')
})
