/** Whole creates without a VM: the provider double, a real sshd with scripted answers, an engine with TLS. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Clock } from '../../src/contracts/clock.js'
import type { ReportEvent } from '../../src/contracts/events.js'
import { DOCKER_MACHINE_PROFILE, type Profile } from '../../src/contracts/profile.js'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { createMachine, resumeCreate } from '../../src/machine/create.js'
import { provisionMachine } from '../../src/machine/provision.js'
import { removeMachine } from '../../src/machine/remove.js'
import { restartMachine } from '../../src/machine/restart.js'
import { startMachine } from '../../src/machine/start.js'
import { stopMachine } from '../../src/machine/stop.js'
import { useMachine } from '../../src/machine/use.js'
import { issueServer } from '../../src/tls/server.js'
import { systemClock } from '../../src/util/clock.js'
import { FakeEngine } from '../doubles/engine.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { testCertificates } from '../helpers/certificates.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { Link } from '../helpers/link.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { type ScriptedHost, scriptedHost } from '../helpers/scripted-host.js'
import { freePort } from '../helpers/sshd.js'

/** The system's clock until it is told to run away: then sleeping takes no time. */
class RunawayClock implements Clock {
  runs = false
  #skipped = 0

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#skipped
  }

  now(): Date {
    return systemClock.now()
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.runs) return await systemClock.sleep(ms, signal)
    this.#skipped += ms
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  }
}

interface Bench {
  readonly ctx: ReturnType<typeof machineContext>
  /** Waits of this stage end at once. */
  readonly hurry: (stage: string) => void
  readonly provider: FakeProvider
  readonly host: ScriptedHost
  readonly create: () => Promise<unknown>
  readonly ledger: () => LedgerRecord
}

async function bench(
  t: Test,
  options: { profile?: Profile; env?: Record<string, string> } = {},
): Promise<Bench> {
  const dir = scratchDir(t)
  const { profile, env = {} } = options
  const first = machineContext({ dir })
  const host = await scriptedHost(t, first)
  const clock = new RunawayClock()
  let hurried = ''
  const plain = machineContext({
    dir,
    env: { HOME: dir, DOCKER_CONFIG: join(dir, 'docker'), ...env },
    factories: { fake: hostedFactory(host.hosting) },
    ...(profile ? { profile } : {}),
  })
  const provider = new FakeProvider(join(dir, 'provider'))
  const ctx = {
    ...plain,
    clock,
    report: (event: ReportEvent) => {
      plain.report(event)
      if (event.type === 'stage') clock.runs = event.stage === hurried
    },
  }
  return {
    ctx,
    hurry: (stage) => void (hurried = stage),
    provider,
    host,
    create: () =>
      createMachine(ctx, {
        name: 'web',
        driver: 'fake',
        flagValues: fakeFlags(provider.dir),
        options: machineOptions(),
      }),
    ledger: () => {
      const { ledger } = ctx.store.read('web')
      if (!ledger) throw new Error('no ledger')
      return ledger
    },
  }
}

const said = (ctx: Bench['ctx'], type: 'warn' | 'info'): string =>
  ctx.events.flatMap((event) => (event.type === type ? [event.text] : [])).join('\n')

t.test('a whole create: the given host key is rotated away and nothing of it stays here', async (t) => {
  const { ctx, create, ledger, host } = await bench(t)
  await create()
  t.match(ledger(), {
    phase: 'ready',
    stepsDone: ['make', 'boot', 'ssh', 'identity', 'provision', 'engine', 'tls'],
    hostKeys: { source: 'given', rotated: true },
    engine: { source: 'image', version: '27.5.1' },
  })
  const live = readFileSync(join(host.sshd.dir, 'host_ed25519.pub'), 'utf8')
  t.match(live, ledger().hostKeys?.current)
  t.same(host.calls().toSorted(), ['apply', 'facts', 'install', 'next'])
  t.notOk(existsSync(join(ctx.store.dir('web'), 'host_key')))
  t.notMatch(readFileSync(join(host.sshd.dir, 'sealed'), 'utf8'), /PRIVATE KEY/)
  await provisionMachine(ctx, 'web')
  t.same(host.calls().slice(4), ['facts', 'apply'], 'a rotated key is rotated once')
})

/** What to break for each stage, and how the stage says so. */
const FAULTS: Readonly<
  Record<string, { breaks: (host: ScriptedHost, bench: Bench) => void | Promise<void>; error: object }>
> = {
  boot: {
    breaks: async ({ hosting }, { hurry }) => {
      Object.assign(hosting, { sshPort: await freePort() })
      hurry('boot')
    },
    error: { code: 'timeout', message: /web to boot \(SSH banner.*refused/is, evidence: /fake login:/ },
  },
  ssh: {
    breaks: ({ hosting }) => Object.assign(hosting, { sshUser: 'nobody-of-this-name' }) && undefined,
    error: { code: 'ssh', message: /nobody-of-this-name/ },
  },
  identity: {
    breaks: (host) => host.fail('install', 'disk is read-only'),
    error: { code: 'provision', message: /install its next host key/, evidence: /read-only/ },
  },
  provision: {
    breaks: (host) => host.fail('apply', 'no space left on device'),
    error: { code: 'provision', evidence: /no space left/, hints: [/Free some space/] },
  },
  engine: {
    breaks: async ({ hosting }, { hurry }) => {
      Object.assign(hosting, { enginePort: await freePort() })
      hurry('engine')
    },
    error: { code: 'timeout', message: /the engine of web.*refused/is, evidence: /last words of the engine/ },
  },
}

for (const [stage, { breaks, error }] of Object.entries(FAULTS))
  t.test(`${stage} fails: what was seen, what to type; resumed it goes on from there`, async (t) => {
    const made = await bench(t)
    const { ctx, host, create, ledger, provider } = made
    const { ...good } = host.hosting
    await breaks(host, made)
    const failure = await create().catch((caught: unknown) => caught)
    t.match(failure, { ...error, stage, machine: 'web' })
    t.match((failure as { hints: string[] }).hints.join('\n'), /^tsmachine create web --resume$/m)
    t.match(ledger(), { phase: 'failed', failure: { stage } })
    t.notOk(ledger().stepsDone.includes(stage as 'boot'))
    Object.assign(host.hosting, good)
    made.hurry('')
    for (const part of ['install', 'apply'] as const) host.fail(part, undefined)
    const before = host.calls().length
    await resumeCreate(ctx, 'web')
    t.match(ledger(), { phase: 'ready', hostKeys: { rotated: true } })
    t.equal(ledger().failure, undefined)
    const after = host.calls().slice(before)
    if (stage === 'engine') t.same(after, [], 'what was done is not done again')
    if (stage === 'provision') t.notOk(after.includes('next'), 'the key is not rotated again')
    t.notOk(existsSync(join(ctx.store.dir('web'), 'host_key')), 'no private host key is left')
    t.equal(provider.read().servers.length, 1)
  })

t.test('tls: an engine of another CA is refused by name, and finished by provision as well', async (t) => {
  const { ctx, create, ledger, host } = await bench(t)
  const other = await testCertificates()
  const wrong = await FakeEngine.start({ ca: other.ca.caPem, ...other.server })
  t.teardown(async () => {
    await wrong.stop()
    other.remove()
  })
  const { enginePort } = host.hosting
  Object.assign(host.hosting, { enginePort: wrong.port })
  await t.rejects(create(), { code: 'tls', stage: 'tls', hints: /tsmachine create web --resume/ })
  t.match(ledger(), { phase: 'failed', failure: { stage: 'tls' } })
  Object.assign(host.hosting, { enginePort })
  await provisionMachine(ctx, 'web')
  t.match(ledger(), { phase: 'ready' })
  t.equal(ledger().failure, undefined)
  await t.rejects(resumeCreate(ctx, 'web'), { code: 'exists' })
})

t.test('another host that answers with another key is refused loudly', async (t) => {
  const { ctx, create, host, ledger } = await bench(t)
  host.fail('apply', 'stop here')
  await t.rejects(create(), { stage: 'provision', code: 'provision' })
  const pinned = ledger().hostKeys?.current
  const impostor = await scriptedHost(t, ctx)
  Object.assign(host.hosting, { sshPort: impostor.sshd.port })
  await t.rejects(resumeCreate(ctx, 'web'), { code: 'host-key', stage: 'ssh', message: /SHA256:/ })
  t.equal(ledger().hostKeys?.current, pinned)
  t.same(impostor.calls(), [], 'nothing was said to it')
})

t.test('stop, start and restart; a start that was cut is carried on with', async (t) => {
  const { ctx, create, provider, host, hurry, ledger } = await bench(t)
  await create()
  await t.rejects(startMachine(ctx, 'web'), { message: 'Machine "web" is already running.' })
  await stopMachine(ctx, 'web')
  await startMachine(ctx, 'web')
  t.equal(provider.read().servers[0]?.state, 'Running')
  await restartMachine(ctx, 'web')
  await stopMachine(ctx, 'web')
  await restartMachine(ctx, 'web')
  t.equal(provider.read().servers[0]?.state, 'Running')
  await stopMachine(ctx, 'web')
  t.equal(ledger().starting, undefined)
  const { enginePort } = host.hosting
  Object.assign(host.hosting, { enginePort: await freePort() })
  hurry('engine')
  await t.rejects(startMachine(ctx, 'web'), {
    code: 'timeout',
    stage: 'engine',
    hints: ['tsmachine logs web --boot', 'tsmachine logs web --engine'],
  })
  t.equal(ctx.store.lockHolder('web'), undefined)
  t.equal(provider.read().servers[0]?.state, 'Running')
  t.equal(ledger().starting, true)
  Object.assign(host.hosting, { enginePort })
  hurry('')
  await startMachine(ctx, 'web')
  t.equal(ledger().starting, undefined)
  await t.rejects(startMachine(ctx, 'web'), { message: 'Machine "web" is already running.' })
})

t.test('start renews a certificate that has ended', async (t) => {
  const { ctx, create, host } = await bench(t)
  await create()
  const dir = ctx.store.dir('web')
  const old = await testCertificates({ now: new Date('2020-01-01') })
  t.teardown(() => old.remove())
  const ended = await issueServer({
    ca: old.ca,
    name: 'web',
    sans: ['127.0.0.1'],
    clock: {
      ...ctx.clock,
      now: () => new Date('2020-01-01'),
      monotonicMs: () => 0,
      sleep: () => Promise.resolve(),
    },
  })
  writeFileSync(join(dir, 'server.pem'), ended.cert)
  writeFileSync(join(dir, 'server-key.pem'), ended.key)
  await stopMachine(ctx, 'web')
  const before = host.calls().length
  await startMachine(ctx, 'web')
  t.same(host.calls().slice(before), ['facts', 'apply'])
  t.not(readFileSync(join(dir, 'server.pem'), 'utf8'), ended.cert)
})

t.test('provisioning from far away is one connection to the host and one to its engine', async (t) => {
  const { ctx, create, host } = await bench(t)
  await create()
  const [toHost, toEngine] = [new Link({ rttMs: 0, settleMs: 250 }), new Link({ rttMs: 0, settleMs: 250 })]
  t.teardown(() => Promise.all([toHost.close(), toEngine.close()]))
  const sshPort = await toHost.open(host.sshd.port)
  Object.assign(host.hosting, { sshPort, enginePort: await toEngine.open(host.engine.port) })
  await provisionMachine(ctx, 'web')
  const handshake = ['TCP', 'greetings', 'keys', 'key exchange', 'service', 'may this key log in', 'it does']
  const work = ['channels', 'commands', 'facts', 'plan']
  const { connections, roundTrips } = toHost.traffic()
  t.equal(connections, 1)
  // A server that is quick to greet spares one.
  t.ok(roundTrips <= handshake.length + work.length, `${roundTrips} round trips`)
  t.match(toEngine.traffic(), { connections: 1 }, 'who answered when it was waited for is not asked again')
})

t.test('Docker contexts: made as tsmachine, dropped by rm', async (t) => {
  const PATH = process.env['PATH'] ?? ''
  const { ctx, create, ledger } = await bench(t, { env: { PATH } })
  t.same(await create(), { name: 'web', dockerContext: 'web' })
  t.equal(ledger().dockerContext, 'web')
  t.match(await useMachine(ctx, 'web'), { name: 'web', previous: 'default' })
  const config = join(ctx.env['DOCKER_CONFIG'] ?? '', 'config.json')
  t.match(readFileSync(config, 'utf8'), /"currentContext": "web"/)
  await removeMachine(ctx, 'web', { force: false })
  t.notMatch(readFileSync(config, 'utf8'), /"currentContext": "web"/)
})

t.test('a context that cannot be made or removed is one warning line', async (t) => {
  const PATH = process.env['PATH'] ?? ''
  const { ctx, create, ledger, provider } = await bench(t, { env: { PATH } })
  const folder = ctx.env['DOCKER_CONFIG'] ?? ''
  writeFileSync(folder, 'a file where a folder should be')
  t.same(await create(), { name: 'web' })
  t.match(ledger(), { phase: 'ready' })
  t.match(said(ctx, 'warn'), /No Docker context: /)
  rmSync(folder)
  mkdirSync(folder)
  await provisionMachine(ctx, 'web')
  t.equal(ledger().dockerContext, 'web')
  await useMachine(ctx, 'web')
  writeFileSync(join(folder, 'config.json'), '{ not json')
  await removeMachine(ctx, 'web', { force: false })
  t.match(said(ctx, 'warn'), /Its Docker context may be left: /)
  t.notOk(ctx.store.exists('web'))
  t.same(provider.leftovers(), [])
})

t.test('no context as docker-machine, and none without a docker client', async (t) => {
  const called = await bench(t, { profile: DOCKER_MACHINE_PROFILE, env: { PATH: process.env['PATH'] ?? '' } })
  t.same(await called.create(), { name: 'web' })
  t.notOk(existsSync(called.ctx.env['DOCKER_CONFIG'] ?? ''))
  const without = await bench(t, { env: { PATH: '/nowhere' } })
  t.same(await without.create(), { name: 'web' })
  t.match(said(without.ctx, 'info'), /No docker client found/)
})
