/** Calls to a provider for each machine, against docker-machine's. Counted at the doubles, on a fast clock. */
import { rmSync } from 'node:fs'
import type { FlagValues } from '../src/contracts/driver.js'
import { collectFlagValues } from '../src/drivers/common/flags.js'
import { loadFactory } from '../src/drivers/registry.js'
import { mapBounded } from '../src/util/bounded.js'
import { TOKEN } from '../test/doubles/cloud/index.js'
import { DigitalOceanDouble } from '../test/doubles/digitalocean/index.js'
import { CREDENTIAL, Ec2Double } from '../test/doubles/ec2/index.js'
import { HetznerDouble } from '../test/doubles/hetzner/index.js'
import { Fleet } from '../test/helpers/cloud-fleet.js'
import { driverDeps } from '../test/helpers/driver-deps.js'
import { FastClock } from '../test/helpers/fast-clock.js'
import { runDir } from '../test/helpers/run-dir.js'
import type { Bench, Measurement, Ratio } from './result.js'

const SPEED = 50
const BOOT_MS = 30_000
const MANY = 100
const NEVER = new AbortController().signal
const VERBS = ['create', 'ls', 'rm'] as const
type Verb = (typeof VERBS)[number]
type Calls = Readonly<Record<Verb, number>>

interface Counted {
  readonly url: string
  readonly requests: readonly unknown[]
  close(): Promise<void>
}

interface Provider {
  readonly name: string
  start(clock: FastClock): Promise<Counted>
  flags(url: string): FlagValues
  /** docker-machine's calls for one machine, where it has the driver. */
  readonly theirs?: Calls
  /** Calls for a machine of many: more is a fault. */
  readonly budget?: number
}

const times = { boot: BOOT_MS, power: 5_000, remove: 5_000 }

const PROVIDERS: readonly Provider[] = [
  {
    name: 'digitalocean',
    start: (clock) => DigitalOceanDouble.start({ clock, limits: false, times }),
    flags: (url) => ({ 'digitalocean-access-token': TOKEN, 'digitalocean-api-url': url }),
    // Regions, key, droplet, and the droplet each second until it has an address; one look for `ls`; key and droplet.
    theirs: { create: 3 + BOOT_MS / 1_000, ls: 1, rm: 2 },
    budget: 4,
  },
  {
    name: 'hetzner',
    start: (clock) => HetznerDouble.start({ clock, limits: false, times }),
    flags: (url) => ({ 'hetzner-api-token': TOKEN, 'hetzner-endpoint': url }),
    budget: 4,
  },
  {
    name: 'amazonec2',
    start: (clock) => Ec2Double.start({ servers: 'none', rates: false, clock }),
    flags: (url) => ({
      'amazonec2-access-key': CREDENTIAL.accessKeyId,
      'amazonec2-secret-key': CREDENTIAL.secretAccessKey,
      'amazonec2-endpoint': url,
      'amazonec2-region': 'us-east-1',
    }),
    // Counted at a fake endpoint: 27 of the calls of a create ask for the address again.
    theirs: { create: 37, ls: 2, rm: 2 },
  },
]

/** Calls for each of `count` machines of one process, verb by verb. */
async function measure(provider: Provider, count: number): Promise<Calls> {
  const clock = new FastClock(SPEED)
  const dir = runDir('bench')
  const double = await provider.start(clock)
  try {
    const factory = await loadFactory(provider.name)
    const parsed = factory.parse(collectFlagValues(factory.flags, provider.flags(double.url), {}).values)
    if (!parsed.ok) throw new Error(parsed.faults.join('; '))
    const driver = await factory.open({ ...driverDeps(dir), clock })
    const fleet = new Fleet(driver, parsed.config, clock, dir)
    const all = Array.from({ length: count }, (_item, index) => index)
    const calls = async (work: () => Promise<unknown>): Promise<number> => {
      const before = double.requests.length
      await work()
      return (double.requests.length - before) / count
    }
    return {
      create: await calls(() => mapBounded(all, count, (index) => fleet.create(index))),
      ls: await calls(() =>
        driver.states(
          all.map((index) => fleet.machine(index)),
          NEVER,
        ),
      ),
      rm: await calls(() => mapBounded(all, count, (index) => fleet.remove(index))),
    }
  } finally {
    await double.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Calls for each machine. docker-machine's were counted once with its own program: they are told beside, never compared with. */
export const benchCloud: Bench = async () => {
  const measurements: Measurement[] = []
  const ratios: Ratio[] = []
  for (const provider of PROVIDERS) {
    const { name, budget } = provider
    const [one, many] = [await measure(provider, 1), await measure(provider, MANY)]
    for (const verb of VERBS)
      measurements.push(
        { name: `${name} ${verb}, one`, unit: 'calls', values: [one[verb]] },
        { name: `${name} ${verb}, each of ${MANY}`, unit: 'calls', values: [many[verb]] },
      )
    if (budget !== undefined)
      ratios.push({
        name: `${name} create, each of ${MANY} by ${budget} calls`,
        value: many.create / budget,
        budget: 1,
      })
  }
  return { measurements, ratios, notes: PROVIDERS.flatMap(recorded) }
}

function recorded({ name, theirs }: Provider): readonly string[] {
  if (!theirs) return []
  const calls = VERBS.map((verb) => `${verb} ${theirs[verb]}`).join(', ')
  return [`docker-machine's calls for each machine of ${name}, counted earlier, not in this run: ${calls}`]
}
