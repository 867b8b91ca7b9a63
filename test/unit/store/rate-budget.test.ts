import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { RateBudget, RateLimit } from '../../../src/contracts/account.js'
import type { Clock } from '../../../src/contracts/clock.js'
import { allBudgets } from '../../../src/drivers/common/api/rate-budget.js'
import { StoreDesk } from '../../../src/store/account-desk.js'
import { SharedBudget } from '../../../src/store/shared-budget.js'
import { TurnFile } from '../../../src/store/turn-file.js'
import { exhaust, freshTurns, grant, type TurnState } from '../../../src/store/turns.js'
import { systemClock } from '../../../src/util/clock.js'
import { retry, withDeadline } from '../../../src/util/wait.js'
import type { BudgetTask } from '../../helpers/budget-worker.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { poll } from '../../helpers/poll.js'

const WORKER = fileURLToPath(new URL('../../helpers/budget-worker.ts', import.meta.url))
const never = new AbortController().signal
const WINDOW: RateLimit = { name: 'minute', calls: 250, perMs: 60_000, window: true }
const REFILL: RateLimit = { name: 'hour', calls: 3_600, perMs: 3_600_000 }

/** The budget of one limit in a directory, as a process of the store opens it. */
function sharedBudget(dir: string, limit: RateLimit, clock: Clock): SharedBudget {
  return new SharedBudget(limit, clock, new TurnFile(join(dir, `${limit.name}.json`), limit, clock))
}

/** Turns of both limits at once. */
function budgetOf(desk: StoreDesk): RateBudget {
  return allBudgets([REFILL, WINDOW].map((limit) => desk.budget(limit)))
}

/** Most times of a sorted list that lie in one span. */
function busiest(times: readonly number[], spanMs: number): number {
  let from = 0
  return times.reduce((most, time, index) => {
    while ((times[from] ?? 0) <= time - spanMs) from++
    return Math.max(most, index - from + 1)
  }, 0)
}

/** Takes as many turns as it can until the end of `spanMs`, and returns the time of each. */
function greedy(limit: RateLimit, spanMs: number, wanted = 3): number[] {
  const times: number[] = []
  let state: TurnState = freshTurns(limit, 0)
  for (let now = 0; now < spanMs;) {
    const given = grant(limit, state, wanted, now)
    state = given.state
    for (let turn = 0; turn < given.turns; turn++) times.push(now)
    now += given.turns > 0 ? 7 : given.waitMs
  }
  return times
}

t.test('a window never holds more calls than the limit, and is used well', (t) => {
  const times = greedy(WINDOW, 600_000)
  t.ok(busiest(times, 60_000) <= 250, `${busiest(times, 60_000)} in a minute`)
  t.ok(times.length >= 2_500 / 1.2, `${times.length} of 2500`)
  t.end()
})

t.test('an even refill gives all at once and then one after the other', (t) => {
  const times = greedy(REFILL, 3_600_000)
  const burst = times.filter((time) => time < 10_000).length
  t.ok(burst > 3_400 && burst <= 3_600, `${burst} at once`)
  t.ok(times.length <= 7_200 && times.length >= 7_200 / 1.2, `${times.length} in the first hour`)
  t.end()
})

t.test(
  "what the provider says of its own count holds until then, and never for longer than the limit's span",
  (t) => {
    const told = exhaust(WINDOW, freshTurns(WINDOW, 0), 42_000, 0)
    t.match(grant(WINDOW, told, 1, 0), { turns: 0, waitMs: 42_000 })
    t.match(grant(WINDOW, told, 1, 42_001), { turns: 1 })
    const nonsense = exhaust(WINDOW, freshTurns(WINDOW, 0), 9e12, 0)
    t.match(grant(WINDOW, nonsense, 1, 0), { turns: 0, waitMs: 60_000 })
    t.end()
  },
)

t.test('a clock that was ahead does not lock us out', (t) => {
  const ahead = grant(WINDOW, freshTurns(WINDOW, 9e9), 200, 9e9).state
  t.match(grant(WINDOW, ahead, 200, 1_000), { turns: 200 })
  t.match(grant(WINDOW, exhaust(WINDOW, ahead, 9e9 + 50_000, 9e9), 1, 1_000), { turns: 1 })
  t.match(grant(REFILL, { ...freshTurns(REFILL, 9e9), left: 5 }, 9, 1_000), { turns: 5 })
  t.end()
})

t.test('turns are taken in growing blocks: the file is not written for each call', async (t) => {
  const clock = new FakeClock()
  const dir = t.testdir()
  const budget = sharedBudget(dir, REFILL, clock)
  const contents = new Set<string>()
  for (let turn = 0; turn < 300; turn++) {
    await budget.take(never)
    contents.add(readFileSync(join(dir, 'hour.json'), 'utf8'))
  }
  t.ok(contents.size <= 12, `${contents.size} writes for 300 turns`)
  const single = sharedBudget(t.testdir({ one: {} }), REFILL, clock)
  await single.take(never)
  t.match(
    JSON.parse(readFileSync(join(t.testdirName, 'hour.json'), 'utf8')),
    { left: 3_563 },
    'one call costs one turn',
  )
})

t.test('a process that has waited goes on when the window allows it', async (t) => {
  const clock = new FakeClock()
  const budget = sharedBudget(t.testdir(), WINDOW, clock)
  for (let turn = 0; turn < 600; turn++) await budget.take(never)
  const minutes = clock.monotonicMs() / 60_000
  t.ok(minutes >= 2 && minutes <= 3, `${minutes} minutes for 600 calls`)
})

t.test('all processes of the store respect what one was told', async (t) => {
  const clock = new FakeClock()
  const store = { root: t.testdir(), readAll: () => [] }
  const [one, other] = [1, 2].map(() => budgetOf(new StoreDesk(store, 'acme', clock)))
  await one?.take(never)
  one?.exhausted(new Date(clock.now().getTime() + 30_000))
  await one?.take(never)
  t.ok(clock.monotonicMs() >= 30_000)
  clock.advance(5_000)
  one?.exhausted(new Date(clock.now().getTime() + 30_000))
  await poll(
    5_000,
    async () => untilsIn(join(store.root, 'accounts')).every((until) => until > 60_000 && until < 70_000),
    10,
  )
  await other?.take(never)
  t.ok(clock.monotonicMs() >= 65_000, 'the other process waited too')
})

t.test('nobody waits for most of an hour', async (t) => {
  const budget = sharedBudget(t.testdir(), { ...REFILL, window: true }, new FakeClock())
  budget.exhausted(new Date('2026-01-01T00:50:00.000Z'))
  await t.rejects(budget.take(never), {
    code: 'driver',
    message: 'No calls are left of the rate limit (3600 in 3600 s) until 2026-01-01T00:50:00.000Z',
    evidence: 'limit "hour": 3600 calls in 3600 s, reset at 2026-01-01T00:50:00.000Z',
    hints: [/same account/, 'Try again after 2026-01-01T00:50:00.000Z.'],
  })
})

t.test('a wait is told after some seconds, once for all who wait, and again while it goes on', async (t) => {
  const clock = new FakeClock()
  const told: string[] = []
  const store = { root: t.testdir(), readAll: () => [] }
  const desk = new StoreDesk(store, 'acme https://acme 0123', clock, (text) => void told.push(text))
  const steady: RateLimit = { name: 'steady', calls: 10, perMs: 10_000 }
  for (let turn = 0; turn < 20; turn++) await desk.budget(steady).take(never)
  t.strictSame(told, [], 'a second is no matter')
  const all = Array.from({ length: 300 }, async () => await desk.budget(WINDOW).take(never))
  await Promise.all(all)
  t.match(told, [
    /^No calls are left of the rate limit of acme \(250 in 60 s\): waiting until \d\d:\d\d:\d\d$/,
  ])
  for (let turn = 0; turn < 250; turn++) await desk.budget(WINDOW).take(never)
  t.ok(told.length > 1)
})

t.test("a wait ends with its caller's time, and says what it waited for", async (t) => {
  const budget = sharedBudget(t.testdir(), WINDOW, systemClock)
  budget.exhausted(new Date(Date.now() + 40_000))
  const wait = async (signal: AbortSignal): Promise<void> => await budget.take(signal)
  const typed = { code: 'driver', message: /^No calls are left of the rate limit/, evidence: /reset at/ }
  await t.rejects(retry('a call', wait, { deadlineMs: 50, isRetryable: () => false }), typed)
  await t.rejects(withDeadline('the stage', 50, wait, { graceMs: 1_000 }), {
    code: 'timeout',
    message: /the stage.*last seen: No calls are left of the rate limit/,
    hints: [/same account/, /^Try again after/],
  })
})

t.test('an abort ends the wait for a turn', async (t) => {
  const stop = new AbortController()
  stop.abort(new Error('Ctrl-C'))
  await t.rejects(sharedBudget(t.testdir(), WINDOW, new FakeClock()).take(stop.signal), /Ctrl-C/)
})

t.test('a broken file begins anew; a place that cannot be written to stops no call', async (t) => {
  const dir = t.testdir({ 'minute.json': '{"given": 1', file: '' })
  await sharedBudget(dir, WINDOW, new FakeClock()).take(never)
  t.match(JSON.parse(readFileSync(join(dir, 'minute.json'), 'utf8')), { given: [[Number, 1]] })
  const clock = new FakeClock()
  const alone = sharedBudget(join(dir, 'file', 'below'), WINDOW, clock)
  for (let turn = 0; turn < 300; turn++) await alone.take(never)
  t.ok(clock.monotonicMs() >= 60_000, 'it still counts for itself')
})

/** Until when the files of a store's accounts say that nothing is left, from the clock's beginning. */
function untilsIn(dir: string): number[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  )
  return files.map((name) => {
    const { until } = JSON.parse(readFileSync(join(dir, name), 'utf8')) as TurnState
    return until - Date.parse('2026-01-01T00:00:00.000Z')
  })
}

/** Turn times of one process. */
function take(task: BudgetTask): Promise<number[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', WORKER, JSON.stringify(task)])
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (err += String(chunk)))
  return new Promise((resolve, reject) => {
    child.once('close', () => (out === '' ? reject(new Error(err)) : resolve(JSON.parse(out) as number[])))
  })
}

t.test('real processes stay under one limit together, also after some were killed', async (t) => {
  const dir = t.testdir()
  const limit: RateLimit = { name: 'short', calls: 200, perMs: 1_500, window: true }
  const dead = [
    await take({ dir, limit, turns: 20, die: 'holding' }),
    await take({ dir, limit, turns: 20, die: 'locked' }),
  ]
  t.ok(existsSync(join(dir, 'short.json.lock')), 'a dead process has left the lock')
  const alive = await Promise.all([0, 1, 2].map(() => take({ dir, limit, turns: 100 })))
  const times = [...dead, ...alive].flat().sort((one, other) => one - other)
  t.equal(times.length, 340, 'each got all its turns')
  t.ok(busiest(times, 1_500) <= 200, `${busiest(times, 1_500)} calls in one window`)
})
