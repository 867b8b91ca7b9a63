// Many machines at once at a provider that enforces its published rate limit, on a clock of our own.
import { setMaxListeners } from 'node:events'
import t, { type Test } from 'tap'
import type { Driver, DriverFactory, DriverMachine, MachineSpec } from '../../src/contracts/driver.js'
import type { JsonObject, Resource } from '../../src/contracts/record.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { mapBounded } from '../../src/util/bounded.js'
import type { CloudDouble, DoubleOptions } from '../doubles/cloud/index.js'
import { DigitalOceanDouble, TOKEN } from '../doubles/digitalocean/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { driverDeps, scratchDir } from '../helpers/driver-deps.js'
import { HandClock } from '../helpers/hand-clock.js'
import { MemoryDesk } from '../helpers/memory-desk.js'
import { requestsInFlight } from '../helpers/requests-in-flight.js'
import { size } from '../sizes.js'

const NEVER = new AbortController().signal
setMaxListeners(0, NEVER)
t.setTimeout(1_800_000)
const STORE = 'f'.repeat(32)
const BOOT_MS = 30_000
/** What a machine's first connection and provisioning take, until its firewall is narrowed and its host key noted. */
const CONNECT_MS = [5_000, 25_000] as const
/** Looks at servers come up to ten seconds after what they see, and calls wait five for others to join. */
const PACE_MS = 20_000
const ONE_MACHINE_MS = BOOT_MS + CONNECT_MS[1] + PACE_MS
const PLACEHOLDER =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

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

/** The machines of one test and what they go through. */
class Fleet {
  readonly resources = new Map<string, readonly Resource[]>()

  constructor(
    readonly driver: Driver,
    readonly factory: DriverFactory,
    readonly config: JsonObject,
    readonly clock: HandClock,
    readonly dir: string,
  ) {}

  machine(index: number): DriverMachine {
    const id = index.toString(16).padStart(32, '0')
    return {
      id,
      name: `m${index}`,
      storeId: STORE,
      dir: this.dir,
      config: this.config,
      resources: this.resources.get(id) ?? [],
    }
  }

  async create(index: number): Promise<void> {
    const { config, resources, ...machine } = this.machine(index)
    const { id, name } = machine
    const spec: MachineSpec = {
      machine,
      config,
      resources,
      sshUser: 'root',
      tags: { 'tsmachine-store': STORE, 'tsmachine-id': id, 'tsmachine-name': name },
      seed: { metaData: '', userData: `#cloud-config\n{"hostname":"${name}"}\n` },
      placeholderKey: PLACEHOLDER,
      access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
    }
    await this.#record(id, this.driver.create(spec, NEVER))
    await this.clock.sleep(between(CONNECT_MS, index))
    const rules = { ssh: ['203.0.113.7/32'], engine: ['203.0.113.7/32'] }
    await this.#record(id, this.driver.setAccess?.(this.machine(index), rules, NEVER))
    await this.driver.label?.(this.machine(index), { 'tsmachine-hostkey': id.repeat(2) }, NEVER)
  }

  async #record(id: string, events: ReturnType<Driver['create']> | undefined): Promise<void> {
    for await (const event of events ?? []) {
      const known = this.resources.get(id) ?? []
      const named = event.type === 'removed' ? event : 'resource' in event ? event.resource : undefined
      if (!named) continue
      const others = known.filter(({ kind, key }) => kind !== named.kind || key !== named.key)
      this.resources.set(id, 'resource' in event ? [...others, event.resource] : others)
    }
  }
}

/** Spread evenly, and the same in each run. */
function between([least, most]: readonly [number, number], index: number): number {
  return least + ((index * 7_919) % 1_000) * ((most - least) / 1_000)
}

async function fleetAt(t: Test, provider: Provider): Promise<{ fleet: Fleet; double: CloudDouble }> {
  const clock = new HandClock()
  const dir = scratchDir(t)
  const double = await provider.start({ clock, times: { boot: BOOT_MS, power: 5_000, remove: 5_000 } })
  t.teardown(() => double.close())
  const desk = new MemoryDesk(clock)
  const factory = await loadFactory(provider.name)
  const parsed = factory.parse(collectFlagValues(factory.flags, provider.flags(double.url), {}).values)
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  const driver = await factory.open({ ...driverDeps(dir), clock, account: () => desk })
  return { fleet: new Fleet(driver, factory, parsed.config, clock, dir), double }
}

for (const provider of PROVIDERS)
  t.test(`${provider.name}: machines made together stay under the limit, and use it`, async (t) => {
    const count = size('scaleMachines')
    const { fleet, double } = await fleetAt(t, provider)
    const inFlight = requestsInFlight(t)
    const indices = Array.from({ length: count }, (_item, index) => index)
    const work = mapBounded(indices, provider.parallel, (index) => fleet.create(index))
    await fleet.clock.runUntil(work, () => inFlight() === 0)
    await work

    const calls = double.count()
    const tookMs = fleet.clock.monotonicMs()
    const least = Math.max(0, provider.leastMs(calls)) + ONE_MACHINE_MS
    const refused = double.requests.filter(({ status }) => status === 429).length
    t.comment(
      `${calls} calls for ${count} machines, ${refused} refused; ${seconds(tookMs)} where ${seconds(least)} is the least`,
    )
    t.comment(JSON.stringify(double.counts()))
    t.equal(refused, 0, 'no call was refused')
    t.strictSame(double.violations, [])
    t.ok(calls / count <= 4, `${(calls / count).toFixed(2)} calls a machine`)
    t.ok(tookMs <= 1.2 * least, `${(tookMs / least).toFixed(2)} of the least time`)

    const before = double.count()
    const lists = double.count(provider.listOperation)
    const states = await fleet.driver.states(
      indices.map((index) => fleet.machine(index)),
      NEVER,
    )
    t.ok(states.every(({ state }) => state === 'Running'))
    t.equal(states.length, count)
    const pages = Math.max(1, Math.ceil(count / provider.pageSize))
    t.equal(double.count(provider.listOperation) - lists, pages, 'one list call a page')
    t.equal(double.count() - before, pages, 'and nothing else')
  })

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`
