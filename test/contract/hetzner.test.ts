import t from 'tap'
import type { FlagValues } from '../../src/contracts/driver.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { TOKEN } from '../doubles/cloud/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'
import { FastClock } from '../helpers/fast-clock.js'
import { cloudCrashes } from './cloud-crash.js'
import {
  type Cleaner,
  driverContract,
  type DriverSubject,
} from '../../src/drivers/package/kit/testing/index.js'

const PLACEHOLDER =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

const SPEED = 50
const EXTRA = {
  seed: { metaData: '', userData: '#cloud-config\n{"hostname":"m"}\n' },
  placeholderKey: PLACEHOLDER,
  access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
}

async function hetzner(t: Cleaner, clock = new FastClock(SPEED)): Promise<HetznerDouble> {
  const double = await HetznerDouble.start({
    clock,
    limits: false,
    times: { boot: 500, power: 200, remove: 500 },
  })
  t.teardown(() => double.close())
  return double
}

function flags(double: HetznerDouble): FlagValues {
  return { 'hetzner-api-token': TOKEN, 'hetzner-endpoint': double.url, 'hetzner-auto-spread': true }
}

async function subject(t: Cleaner): Promise<DriverSubject> {
  const dir = scratchDir(t)
  const clock = new FastClock(SPEED)
  const double = await hetzner(t, clock)
  return {
    load: () => loadFactory('hetzner'),
    deps: { ...driverDeps(dir), clock },
    good: flags(double),
    bad: {
      'hetzner-ssh-port': 0,
      'hetzner-image': 'a',
      'hetzner-image-id': 'b',
      'hetzner-disable-public-ipv4': true,
      'hetzner-disable-public-ipv6': true,
      'hetzner-server-label': ['a b=c'],
      'hetzner-server-tpye': 'x',
      'hetzner-endpoint': 'http://example.com',
    },
    faults: [
      /requires --hetzner-api-token/,
      /ssh-port/,
      /--hetzner-image and --hetzner-image-id are mutually exclusive/,
      /image-id wants a number/,
      /use-private-network must be used/,
      /a key has up to 63 letters/,
      /mean --hetzner-server-type/,
      /not encrypted/,
    ],
    machineDir: (id) => machineDir(dir, id),
    extra: EXTRA,
    leftovers: () => Promise.resolve([...double.inventory(), ...double.violations]),
    count: () => Promise.resolve(double.inventory().filter((one) => one.startsWith('server ')).length),
    listCalls: () => double.count('list_servers'),
    freshState: 'Running',
    abortDelaysMs: [0, 5],
    lostEvents: [0, 1],
  }
}

driverContract(t, 'hetzner', subject)
cloudCrashes(t, async (t) => {
  const double = await hetzner(t)
  return { driver: 'hetzner', flags: flags(double), extra: EXTRA, double, speed: SPEED }
})
