// Many machines at once at a provider that enforces its published rate limit, on a clock of our own.
import t, { type Test } from 'tap'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { mapBounded } from '../../src/util/bounded.js'
import type { CloudDouble, DoubleOptions } from '../doubles/cloud/index.js'
import { DigitalOceanDouble, TOKEN } from '../doubles/digitalocean/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { CONNECT_MS, Fleet } from '../helpers/cloud-fleet.js'
import { driverDeps, scratchDir } from '../helpers/driver-deps.js'
import { HandClock } from '../helpers/hand-clock.js'
import { MemoryDesk } from '../helpers/memory-desk.js'
import { NEVER } from '../helpers/never.js'
import { requestsInFlight } from '../helpers/requests-in-flight.js'
import { size } from '../sizes.js'

t.setTimeout(1_800_000)
const BOOT_MS = 30_000
/** Looks at servers and at actions come up to ten seconds late, and two calls wait five each for others to join. */
const PACE_MS = 30_000
const ONE_MACHINE_MS = BOOT_MS + CONNECT_MS[1] + PACE_MS

/** A provider, and how long its published limit makes so many calls take at least. */
interface Provider {
  readonly name: string
  start(options: DoubleOptions): Promise<CloudDouble>
  flags(url: string): Record<string, string>
  readonly leastMs: (calls: number) => number
  readonly listOperation: string
  readonly pageSize: number
  /** Enough to use up the limit. */
  readonly parallel: number
}

const PROVIDERS: readonly Provider[] = [
  {
    name: 'digitalocean',
    start: (options) => DigitalOceanDouble.start(options),
    flags: (url) => ({ 'digitalocean-access-token': TOKEN, 'digitalocean-api-url': url }),
    leastMs: (calls) => ((calls - 250) / 250) * 60_000,
    listOperation: 'droplets_list',
    pageSize: 200,
    parallel: 150,
  },
  {
    name: 'hetzner',
    start: (options) => HetznerDouble.start(options),
    flags: (url) => ({ 'hetzner-api-token': TOKEN, 'hetzner-endpoint': url }),
    leastMs: (calls) => (calls - 3_600) * 1_000,
    listOperation: 'list_servers',
    pageSize: 50,
    parallel: 1_000,
  },
]

async function fleetAt(
  t: Test,
  provider: Provider,
): Promise<{ fleet: Fleet; double: CloudDouble; clock: HandClock }> {
  const clock = new HandClock()
  const dir = scratchDir(t)
  const double = await provider.start({ clock, times: { boot: BOOT_MS, power: 5_000, remove: 5_000 } })
  t.teardown(() => double.close())
  const desk = new MemoryDesk(clock)
  const factory = await loadFactory(provider.name)
  const parsed = factory.parse(collectFlagValues(factory.flags, provider.flags(double.url), {}).values)
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  const driver = await factory.open({ ...driverDeps(dir), clock, account: () => desk })
  return { fleet: new Fleet(driver, parsed.config, clock, dir), double, clock }
}

for (const provider of PROVIDERS)
  t.test(`${provider.name}: machines made together stay under the limit, and use it`, async (t) => {
    const count = size('scaleMachines')
    const { fleet, double, clock } = await fleetAt(t, provider)
    const inFlight = requestsInFlight(t)
    const indices = Array.from({ length: count }, (_item, index) => index)
    const work = mapBounded(indices, provider.parallel, (index) => fleet.create(index))
    await clock.runUntil(work, () => inFlight() === 0)
    await work

    const calls = double.count()
    const tookMs = clock.monotonicMs()
    const least = Math.max(0, provider.leastMs(calls)) + ONE_MACHINE_MS
    const refused = double.requests.filter(({ status }) => status === 429).length
    t.comment(
      `${calls} calls for ${count} machines, ${refused} refused; ${seconds(tookMs)} where ${seconds(least)} is the least`,
    )
    t.comment(JSON.stringify(double.counts()))
    // This clock may go on between a turn and its call: a few come later than they were counted, and are repeated.
    t.ok(refused <= calls * 0.02, `${refused} calls were refused`)
    t.strictSame(double.violations, [])
    t.ok(calls / count <= 4, `${(calls / count).toFixed(2)} calls a machine`)
    t.ok(tookMs <= 1.2 * least, `${(tookMs / least).toFixed(2)} of the least time`)

    const before = double.count()
    const asked = fleet.driver.states(
      indices.map((index) => fleet.machine(index)),
      NEVER,
    )
    // The creates may have used up the limit: this call waits for its turn.
    await clock.runUntil(asked, () => inFlight() === 0)
    const states = await asked
    t.ok(states.every(({ state }) => state === 'Running'))
    t.equal(states.length, count)
    const pages = Math.max(1, Math.ceil(count / provider.pageSize))
    // A call that came later than it was counted is refused and repeated here too.
    const answered = double.requests.slice(before).filter(({ status }) => status !== 429)
    const operations = answered.map(({ operation }) => operation)
    t.same(
      operations,
      Array.from({ length: pages }, () => provider.listOperation),
      'one list call a page',
    )
  })

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`
