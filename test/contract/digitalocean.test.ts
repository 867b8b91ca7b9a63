import t from 'tap'
import type { FlagValues } from '../../src/contracts/driver.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { DigitalOceanDouble, TOKEN } from '../doubles/digitalocean/index.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'
import { FastClock } from '../helpers/fast-clock.js'
import { cloudCrashes } from './cloud-crash.js'
import {
  type Cleaner,
  driverContract,
  type DriverSubject,
} from '../../src/drivers/package/kit/testing/index.js'

const USER_DATA = '#cloud-config\n{"hostname":"m"}\n'
const PLACEHOLDER =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

const SPEED = 50
const EXTRA = {
  seed: { metaData: '', userData: USER_DATA },
  placeholderKey: PLACEHOLDER,
  access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
}

async function digitalOcean(t: Cleaner, clock: FastClock): Promise<DigitalOceanDouble> {
  const times = { boot: 500, power: 200, remove: 500 }
  const double = await DigitalOceanDouble.start({ clock, limits: false, times })
  t.teardown(() => double.close())
  return double
}

function flags(double: DigitalOceanDouble): FlagValues {
  return { 'digitalocean-access-token': TOKEN, 'digitalocean-api-url': double.url }
}

async function subject(t: Cleaner): Promise<DriverSubject> {
  const dir = scratchDir(t)
  const clock = new FastClock(SPEED)
  const double = await digitalOcean(t, clock)
  return {
    load: () => loadFactory('digitalocean'),
    deps: { ...driverDeps(dir), clock },
    good: flags(double),
    bad: {
      'digitalocean-ssh-port': 0,
      'digitalocean-reserved-ip': 'x',
      'digitalocean-tags': 'a b',
      'digitalocean-regoin': 'x',
      'digitalocean-api-url': 'http://example.com',
    },
    faults: [
      /requires the --digitalocean-access-token/,
      /ssh-port/,
      /reserved-ip wants/,
      /"a b" may hold only/,
      /mean --digitalocean-region/,
      /not encrypted/,
    ],
    machineDir: (id) => machineDir(dir, id),
    extra: EXTRA,
    leftovers: () => Promise.resolve([...double.inventory(), ...double.unusedTags(), ...double.violations]),
    count: () => Promise.resolve(double.inventory().filter((one) => one.startsWith('droplet')).length),
    listCalls: () => double.count('droplets_list'),
    freshState: 'Running',
    abortDelaysMs: [0, 5],
    lostEvents: [0, 1],
  }
}

driverContract(t, 'digitalocean', subject)
cloudCrashes(t, async (t) => {
  const double = await digitalOcean(t, new FastClock(SPEED))
  return { driver: 'digitalocean', flags: flags(double), extra: EXTRA, double, speed: SPEED }
})
