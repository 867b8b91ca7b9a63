/**
 * Deaths on either side of a driver plugin: the plugin, or the program, is killed at every call of a create. The plugin is
 * one written in Go on Go's own net/rpc; its provider says what really exists.
 */
import type { ChildProcess } from 'node:child_process'
import t, { type Test } from 'tap'
import type { Outcome } from '../helpers/cli.js'
import { type GoCall, type GoRule, isAlive } from '../helpers/go-provider.js'
import { hostFlags, PluginUser, TOKEN } from '../helpers/plugin-user.js'
import { poll } from '../helpers/poll.js'
import { size } from '../sizes.js'

t.setTimeout(3_600_000)

/** A plugin without a host ends after 10 s. */
const OUTLIVES_MS = 11_000
/** No death is waited for: what is left of a command takes moments. */
const QUICK_MS = 20_000
const LOST = /look for web at its provider/

const me = await PluginUser.start(t)
const { provider } = me
const host = await me.host(t)
const CREATE = ['create', '-d', 'godouble', ...hostFlags(host), '--json', 'web']

/** One call of a create, and which one of its method it is: both processes of the plugin count together. */
interface Moment {
  readonly method: string
  readonly nth: number
}

function moments(calls: readonly GoCall[]): readonly Moment[] {
  const seen = new Map<string, number>()
  const counted = calls.map(({ method }) => {
    const nth = (seen.get(method) ?? 0) + 1
    seen.set(method, nth)
    return { method, nth }
  })
  // What comes when the machine is ready is not of the create.
  return counted.filter(({ method }) => method !== 'Heartbeat' && method !== 'Close')
}

/** As many as this run wants, `Create` always among them. */
function chosen<T extends Moment>(all: readonly T[], count: number): readonly T[] {
  const create = all.filter(({ method }) => method === 'Create')
  const others = all.filter(({ method }) => method !== 'Create')
  const step = Math.max(1, others.length / Math.max(1, count - create.length))
  return [...create, ...others.filter((_each, index) => Math.floor(index % step) === 0)]
}

const named = ({ method, nth }: Moment): string => `${method} (${nth})`

function rule({ method, nth }: Moment, fault: Omit<GoRule, 'at' | 'from' | 'times'>): GoRule {
  return { ...fault, at: method, from: nth, times: 1 }
}

/** Nothing of the machine before. */
function begin(...script: readonly GoRule[]): void {
  provider.change(() => [])
  provider.forget()
  provider.script(...script)
}

interface Told {
  readonly ok: boolean
  readonly error?: { readonly code: string; readonly message: string; readonly hints?: readonly string[] }
}

const told = ({ stdout }: Outcome): Told => JSON.parse(stdout) as Told

/** Both files are whole, and ours names the machine unless the plugin was not asked for one yet. */
function recordIsWhole(t: Test): void {
  if (!me.has('web')) return
  t.equal(me.config('web').DriverName, 'godouble')
  t.match(me.config('web').Driver, { MachineName: 'web', ApiToken: TOKEN })
  const { phase, resources } = me.ledger('web')
  t.ok(['creating', 'failed', 'ready'].includes(phase), phase)
  if (provider.servers.length > 0) t.match(resources, [{ kind: 'machine', key: 'web' }])
}

/** Carries on, or refuses and says what to do; there is never a second server. */
async function resumes(t: Test): Promise<Outcome | undefined> {
  if (!me.has('web')) return undefined
  const before = provider.servers.length
  const outcome = await me.run(['create', '--json', '--resume', 'web'])
  t.ok(provider.servers.length <= 1, 'no second server')
  t.notOk(before === 1 && provider.servers.length === 0, 'and the one stays')
  if (outcome.code !== 0) t.match(told(outcome).error?.hints?.join('\n'), /tsmachine rm web/)
  else t.equal(me.ledger('web').phase, 'ready')
  return outcome
}

/** All is removed; what the plugin does not know of was said before the record went. */
async function isRemoved(t: Test): Promise<void> {
  if (me.has('web')) {
    const removed = await me.ok(['rm', '-y', 'web'])
    t.notOk(me.has('web'))
    if (provider.servers.length > 0) t.match(removed.stderr, LOST, 'it was said that one may be left')
  } else t.same(provider.servers, [], 'without a record nothing was made')
}

function isQuick(t: Test, startedMs: number): void {
  const took = performance.now() - startedMs
  t.ok(took < QUICK_MS, `${Math.round(took)} ms`)
}

begin()
await me.ok(CREATE)
const MOMENTS = moments(provider.calls())
await me.ok(['rm', '-y', 'web'])

const BOTH = MOMENTS.flatMap((moment) => [
  { ...moment, when: 'before' as const },
  { ...moment, when: 'after' as const },
])

t.test('a create is the calls that it is known for', (t) => {
  const methods = new Set(MOMENTS.map(({ method }) => method))
  for (const method of ['GetCreateFlags', 'SetConfigFromFlags', 'PreCreateCheck', 'Create', 'GetConfigRaw'])
    t.ok(methods.has(method), method)
  t.end()
})

for (const { when, ...moment } of chosen(BOTH, size('pluginDeaths')))
  t.test(`the plugin is killed ${when} it did ${named(moment)}`, async (t) => {
    begin(rule(moment, { do: 'kill', ...(when === 'after' ? { when } : {}) }))
    const started = performance.now()
    const outcome = await me.run(CREATE)
    isQuick(t, started)
    t.same(provider.alive(), [], 'no process is left')
    if (outcome.code !== 0) {
      t.equal(told(outcome).error?.code, 'driver')
      t.match(told(outcome).error?.message, /plugin of driver godouble.* ended with SIGKILL/)
    }
    t.notMatch(outcome.stdout + outcome.stderr, TOKEN)
    recordIsWhole(t)
    if (moment.method === 'Create') t.match(outcome.stderr, LOST)
    provider.script()
    const resumed = outcome.code === 0 ? undefined : await resumes(t)
    const isKnown = !me.has('web') || me.config('web').Driver['ServerID'] !== ''
    t.equal(
      resumed === undefined || resumed.code === 0,
      isKnown,
      'it carries on wherever it knows the server',
    )
    await isRemoved(t)
    t.same(provider.alive(), [])
  })

/** Runs a create, and sends the program a signal as soon as it is due. */
async function killedWhen(isDue: () => boolean, signal: NodeJS.Signals): Promise<Outcome> {
  let program: ChildProcess | undefined
  const running = me.run(CREATE, { started: (child) => (program = child) })
  await poll(QUICK_MS, () => Promise.resolve(isDue()), 10)
  program?.kill(signal)
  return await running
}

const isCalled =
  ({ method, nth }: Moment) =>
  (): boolean =>
    provider.calls(method).length >= nth
const isMade = (): boolean => provider.servers.length === 1

const orphans: Promise<unknown>[] = []
// Whether a plugin whose host is gone comes to the end of a call is its own affair: it may die of its next line.
const WITHIN = [...MOMENTS, { method: 'Create', nth: 1, isMade: true }]

for (const { isMade: isAfter = false, ...moment } of chosen<Moment & { isMade?: boolean }>(
  WITHIN,
  size('programDeaths'),
))
  t.test(
    `the program is killed ${isAfter ? 'when' : 'before'} the plugin did ${named(moment)}`,
    async (t) => {
      begin(rule(moment, { do: 'sleep', ms: 400, ...(isAfter ? { when: 'after' } : {}) }))
      const { signal } = await killedWhen(isAfter ? isMade : isCalled(moment), 'SIGKILL')
      t.equal(signal, 'SIGKILL')
      const left = provider.alive()
      orphans.push(poll(OUTLIVES_MS, () => Promise.resolve(!left.some(isAlive))))
      recordIsWhole(t)
      if (isAfter) t.equal(me.config('web').Driver['ServerID'], '', 'its id died with the plugin')
      provider.script()
      if (!me.has('web') || me.ledger('web').phase !== 'ready') await resumes(t)
      await isRemoved(t)
    },
  )

t.test('no plugin outlives the program by more than the 10 s of the protocol', async () => {
  await Promise.all(orphans)
})

const CREATE_CALL = { method: 'Create', nth: 1 }

t.test('Ctrl-C during Create: the plugin comes to its end, and what it made is recorded', async (t) => {
  begin({ at: 'Create', do: 'sleep', ms: 2_000 })
  const outcome = await killedWhen(isCalled(CREATE_CALL), 'SIGINT')
  t.equal(outcome.code, 130)
  t.equal(provider.servers.length, 1)
  t.equal(me.config('web').Driver['ServerID'], provider.servers[0]?.id)
  t.notMatch(outcome.stderr, LOST)
  t.same(provider.alive(), [])
  provider.script()
  t.equal((await resumes(t))?.code, 0)
  await isRemoved(t)
  t.same(provider.servers, [])
})

t.test(
  'Ctrl-C during a Create that does not end: it is cut after 10 s, and asked for its state',
  async (t) => {
    begin({ at: 'Create', do: 'hang', when: 'after' })
    const started = performance.now()
    const outcome = await killedWhen(isCalled(CREATE_CALL), 'SIGINT')
    const took = performance.now() - started
    t.equal(outcome.code, 130)
    t.ok(took > 10_000 && took < 16_000, `${Math.round(took)} ms`)
    t.match(outcome.stderr, /what it said of it last is recorded/)
    t.same(provider.alive(), [])
    t.equal(me.config('web').Driver['ServerID'], provider.servers[0]?.id)
    provider.script()
    t.equal((await resumes(t))?.code, 0)
    await isRemoved(t)
    t.same(provider.servers, [])
  },
)
