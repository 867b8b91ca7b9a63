/** The provider's firewall around whole creates: the host sees us at an address that is none of this computer's. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ReportEvent } from '../../src/contracts/events.js'
import { MachineError } from '../../src/contracts/errors.js'
import { DOCKER_MACHINE_PROFILE, type Profile } from '../../src/contracts/profile.js'
import type { AccessChoice, AccessRules, LedgerRecord } from '../../src/contracts/record.js'
import { changeAccess, machineAccess } from '../../src/machine/change-access.js'
import { createMachine, resumeCreate } from '../../src/machine/create.js'
import { clientConfig } from '../../src/machine/client-config.js'
import { provisionMachine } from '../../src/machine/provision.js'
import { removeMachine } from '../../src/machine/remove.js'
import { startMachine } from '../../src/machine/start.js'
import { stopMachine } from '../../src/machine/stop.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { bareFactory, fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { hastyClock } from '../helpers/hasty-clock.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { type ScriptedHost, scriptedHost } from '../helpers/scripted-host.js'

const NAT = '203.0.113.7'
const EVERYBODY = ['0.0.0.0/0', '::/0']
const NOBODY_YET: AccessRules = { ssh: EVERYBODY, engine: [] }
const only = (...sources: string[]): AccessRules => ({ ssh: sources, engine: sources })

interface Bench {
  readonly ctx: ReturnType<typeof machineContext>
  readonly provider: FakeProvider
  readonly host: ScriptedHost
  readonly create: (access?: AccessChoice) => Promise<unknown>
  readonly ledger: () => LedgerRecord
  /** What the provider lets through now. */
  readonly rules: () => AccessRules | undefined
  /** This computer is somewhere else. */
  readonly moveTo: (address: string) => void
}

async function bench(
  t: Test,
  options: { profile?: Profile; signal?: AbortSignal; caller?: string } = {},
): Promise<Bench> {
  const dir = scratchDir(t)
  const { profile, signal, caller = NAT } = options
  const host = await scriptedHost(t, machineContext({ dir }))
  const moveTo = (address: string): void => {
    host.seesUsAt(address)
    Object.assign(host.hosting, { caller: address })
  }
  moveTo(caller)
  const ctx = machineContext({
    dir,
    env: { HOME: dir, DOCKER_CONFIG: join(dir, 'docker') },
    factories: { fake: hostedFactory(host.hosting) },
    ...(profile ? { profile } : {}),
    ...(signal ? { signal } : {}),
  })
  const provider = new FakeProvider(join(dir, 'provider'))
  return {
    ctx,
    provider,
    host,
    moveTo,
    create: (access) =>
      createMachine(ctx, {
        name: 'web',
        driver: 'fake',
        flagValues: fakeFlags(provider.dir),
        options: { ...machineOptions(), ...(access ? { access } : {}) },
      }),
    ledger: () => {
      const { ledger } = ctx.store.read('web')
      if (!ledger) throw new Error('no ledger')
      return ledger
    },
    rules: () => {
      const { servers, firewalls } = provider.read()
      return firewalls.find(({ name }) => name === servers[0]?.firewall)?.rules
    },
  }
}

/** `access --here`, with a first try that does not take its whole time. */
const moved = (ctx: Bench['ctx']) =>
  changeAccess({ ...ctx, clock: hastyClock(20) }, 'web', { here: true, add: [], remove: [] })

const warnings = (events: readonly ReportEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'warn' ? [event.text] : []))

t.test('a new machine: SSH alone until the host has seen us, then both ports for that address', async (t) => {
  const { create, rules, host, ledger, ctx, provider } = await bench(t)
  host.fail('next', 'not yet')
  await t.rejects(create(), { code: 'provision', stage: 'identity' })
  t.same(rules(), NOBODY_YET, 'before the first connection')
  host.fail('next', undefined)
  host.fail('apply', 'not yet')
  await t.rejects(resumeCreate(ctx, 'web'), { code: 'provision', stage: 'provision' })
  t.same(rules(), only(`${NAT}/32`), 'before anything is installed')
  host.fail('apply', undefined)
  await resumeCreate(ctx, 'web')
  t.same(rules(), only(`${NAT}/32`))
  t.same(ledger().access, { sources: [], here: `${NAT}/32`, rules: only(`${NAT}/32`) })
  t.same(await machineAccess(ctx, 'web'), {
    name: 'web',
    here: `${NAT}/32`,
    sources: [],
    ...only(`${NAT}/32`),
  })
  t.equal(provider.read().firewalls.length, 1, 'the first firewall is gone')
  t.same(warnings(ctx.events), [])
  await removeMachine(ctx, 'web', { force: false })
  t.same(provider.leftovers(), [])
})

t.test('the provider keeps the fingerprint of the host key that the host made', async (t) => {
  const { create, ledger, provider, ctx } = await bench(t)
  const label = (): string | undefined => provider.read().servers[0]?.tags['tsmachine-hostkey']
  provider.script([{ call: 'tag', after: 0, kind: 'fail' }])
  await create()
  t.match(warnings(ctx.events), [/does not keep the fingerprint of its host key: .*403/])
  t.match(ledger(), { phase: 'ready' })
  t.equal(label(), undefined)
  await provisionMachine(ctx, 'web')
  const blob = Buffer.from(ledger().hostKeys?.current.split(' ')[1] ?? '', 'base64')
  t.equal(label(), createHash('sha256').update(blob).digest('hex'))
  provider.change('srv-1', (server) => ({ ...server, tags: { ...server.tags, 'tsmachine-hostkey': 'x' } }))
  await stopMachine(ctx, 'web')
  await startMachine(ctx, 'web')
  t.equal(label(), 'x', 'what the record says is there is not written again')
  await removeMachine(ctx, 'web', { force: false })
})

t.test('IPv4 written as IPv6, IPv6, and whom the user lets in besides', async (t) => {
  const mapped = await bench(t, { caller: NAT })
  mapped.host.seesUsAt(`::ffff:${NAT}`)
  await mapped.create({ openTo: ['198.51.100.0/24'] })
  t.same(mapped.rules(), only(`${NAT}/32`, '198.51.100.0/24'))
  const six = await bench(t, { caller: '2001:db8::7' })
  await six.create()
  t.same(six.rules(), only('2001:db8::7/128'))
})

t.test('open to any: said aloud, or as docker-machine with one warning', async (t) => {
  const chosen = await bench(t)
  await chosen.create({ openTo: ['any'] })
  t.same(chosen.rules(), only(...EVERYBODY))
  t.same(warnings(chosen.ctx.events), [])
  const called = await bench(t, { profile: DOCKER_MACHINE_PROFILE })
  await called.create()
  t.same(called.rules(), only(...EVERYBODY))
  t.match(warnings(called.ctx.events), [/^New machines are open to any address.*--open-to here/])
  const narrow = await bench(t, { profile: DOCKER_MACHINE_PROFILE })
  await narrow.create({ openTo: [] })
  t.same(narrow.rules(), only(`${NAT}/32`))
})

t.test('a driver without a firewall refuses --open-to', async (t) => {
  const { create, ctx } = await bench(t)
  const { access: _access, ...capabilities } = bareFactory.capabilities
  const bare = { ...bareFactory, capabilities: { ...capabilities, access: false } }
  Object.assign(ctx.drivers, { load: () => Promise.resolve(bare) })
  await t.rejects(create({ openTo: ['any'] }), { code: 'usage', message: /fake driver has no firewall/ })
  await create()
  t.equal(ctx.store.read('web').ledger?.options.access, undefined)
  await t.rejects(machineAccess(ctx, 'web'), { code: 'usage' })
  await t.rejects(changeAccess(ctx, 'web', { here: false, add: ['any'], remove: [] }), { code: 'usage' })
})

t.test('the provider refuses: the record says what was meant, resuming tells it again', async (t) => {
  const { create, provider, ledger, rules, ctx } = await bench(t)
  provider.script([{ call: 'createFirewall', after: 1, kind: 'fail' }])
  await t.rejects(create(), { stage: 'provision', message: /403 you may not do this/ })
  t.match(ledger().access, { rules: NOBODY_YET, next: only(`${NAT}/32`) })
  t.match(await machineAccess(ctx, 'web'), { unsettled: true })
  await resumeCreate(ctx, 'web')
  t.same(rules(), only(`${NAT}/32`))
  t.equal(ledger().access?.next, undefined)
})

t.test('this computer moves: --here opens SSH for a moment and narrows to what the host sees', async (t) => {
  const { create, rules, moveTo, ctx, ledger } = await bench(t)
  await create({ openTo: ['198.51.100.0/24'] })
  moveTo('192.0.2.99')
  const open: AccessRules[] = []
  const { setAccess } = await watched(ctx, (asked) => open.push(asked))
  t.ok(setAccess)
  t.match(await moved(ctx), { here: '192.0.2.99/32' })
  t.same(rules(), only('192.0.2.99/32', '198.51.100.0/24'), 'the old address is out')
  t.same(open, [
    { ssh: EVERYBODY, engine: [`${NAT}/32`, '198.51.100.0/24'] },
    only('192.0.2.99/32', '198.51.100.0/24'),
  ])
  open.length = 0
  await moved(ctx)
  t.same(open, [only('192.0.2.99/32', '198.51.100.0/24')], 'not opened when we are let in as it is')
  t.equal(ledger().access?.next, undefined)
})

t.test('--here that fails or is interrupted closes SSH again', async (t) => {
  const abort = new AbortController()
  const { create, rules, moveTo, host, ctx, ledger } = await bench(t, { signal: abort.signal })
  await create()
  moveTo('192.0.2.99')
  host.fail('address', 'no shell today')
  await t.rejects(moved(ctx), {
    message: /SSH_CONNECTION/,
  })
  t.same(rules(), only(`${NAT}/32`))
  t.match(ledger().access, { here: `${NAT}/32`, rules: only(`${NAT}/32`) })
  host.fail('address', undefined)
  await watched(ctx, ({ ssh }) => {
    if (ssh === undefined || ssh.includes('::/0'))
      abort.abort(new MachineError('cancelled', 'Interrupted', { exitCode: 130 }))
  })
  await t.rejects(moved(ctx), { code: 'cancelled' })
  t.same(rules(), only(`${NAT}/32`))
  t.equal(ledger().access?.next, undefined)
  t.equal(ctx.store.lockHolder('web'), undefined)
})

t.test('what a kill left open is closed by the next start, provision or change', async (t) => {
  const { create, rules, ctx, provider, ledger } = await bench(t)
  await create()
  const cut = async (): Promise<void> => {
    // As a kill -9 leaves it: the provider has been told, the record says what has to follow.
    const { firewalls } = provider.read()
    for (const firewall of firewalls)
      provider.put('firewalls', { ...firewall, rules: { ...only(`${NAT}/32`), ssh: EVERYBODY } })
    const factory = await ctx.drivers.load('fake')
    await ctx.store.update('web', factory.record, (old) => ({
      ...old,
      access: { sources: [], here: `${NAT}/32`, rules: NOBODY_YET, next: only(`${NAT}/32`) },
    }))
  }
  const ways = [
    () => provisionMachine(ctx, 'web'),
    async () => {
      await stopMachine(ctx, 'web')
      await startMachine(ctx, 'web')
    },
    () => changeAccess(ctx, 'web', { here: false, add: ['198.51.100.7'], remove: [] }),
  ]
  for (const [at, way] of ways.entries()) {
    await cut()
    t.ok(rules()?.ssh.includes('::/0'))
    await way()
    t.notOk(rules()?.ssh.includes('::/0'), `way ${at}`)
    t.equal(ledger().access?.next, undefined)
  }
})

t.test('sources are added and taken back; nobody shuts himself out', async (t) => {
  const { create, rules, ctx } = await bench(t)
  await create()
  const change = (add: readonly string[], remove: readonly string[] = []) =>
    changeAccess(ctx, 'web', { here: false, add, remove })
  await change(['198.51.100.7/24', '2001:DB8:0::1/64'])
  t.same(rules(), only(`${NAT}/32`, '198.51.100.0/24', '2001:db8::/64'))
  await t.rejects(change([], [`${NAT}`]), { code: 'usage', message: /could not reach/ })
  await t.rejects(change([], ['192.0.2.1']), { code: 'usage', message: /not open to 192.0.2.1/ })
  for (const wrong of ['here', '300.0.0.1', '10.0.0.0/33', '::1/129', ''])
    await t.rejects(change([wrong]), { code: 'usage', message: /no address and no network/ }, wrong)
  await change(['any'], ['198.51.100.0/24'])
  t.same(rules(), only(...EVERYBODY))
  await change([], ['any', '2001:db8::/64'])
  t.same(rules(), only(`${NAT}/32`))
})

t.test('silence where the firewall may be to blame names the command', async (t) => {
  const { create, moveTo, ctx } = await bench(t)
  await create()
  moveTo('192.0.2.99')
  const hint = /tsmachine access web --here/
  const failure = await clientConfig(ctx, 'web').catch((error: unknown) => error)
  t.notMatch((failure as MachineError).hints.join(), hint, 'a port that refuses is no firewall')
  const caught = await provisionMachine({ ...ctx, clock: hastyClock(20) }, 'web').catch(
    (error: unknown) => error,
  )
  t.match((caught as MachineError).hints.join('\n'), hint)
})

/** Tells of every call of `setAccess`, after the provider has been told. */
async function watched(ctx: Bench['ctx'], seen: (rules: AccessRules) => void) {
  const factory = await ctx.drivers.load('fake')
  const open = factory.open.bind(factory)
  const loud: typeof factory = {
    ...factory,
    async open(deps) {
      const driver = await open(deps)
      const setAccess = driver.setAccess?.bind(driver)
      if (!setAccess) return driver
      return Object.assign(driver, {
        async *setAccess(...[machine, rules, signal]: Parameters<typeof setAccess>) {
          yield* setAccess(machine, rules, signal)
          seen(rules)
        },
      })
    },
  }
  Object.assign(ctx.drivers, { load: () => Promise.resolve(loud) })
  return { setAccess: factory.capabilities.access }
}
