import t, { type Test } from 'tap'
import { loadFactory } from '../../src/drivers/registry.js'
import { DigitalOceanDouble, TOKEN } from '../doubles/digitalocean/index.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'
import { driverContract } from './driver-contract.js'
import type { DriverSubject } from './subject.js'

const USER_DATA = '#cloud-config\n{"hostname":"m"}\n'
const PLACEHOLDER =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

async function subject(t: Test): Promise<DriverSubject> {
  const dir = scratchDir(t)
  const double = await DigitalOceanDouble.start({ limits: false, times: { boot: 5, power: 5, remove: 5 } })
  t.teardown(() => double.close())
  return {
    load: () => loadFactory('digitalocean'),
    deps: driverDeps(dir),
    good: { 'digitalocean-access-token': TOKEN, 'digitalocean-api-url': double.url },
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
    extra: {
      seed: { metaData: '', userData: USER_DATA },
      placeholderKey: PLACEHOLDER,
      access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
    },
    leftovers: () => Promise.resolve([...double.inventory(), ...double.unusedTags(), ...double.violations]),
    count: () => Promise.resolve(double.inventory().filter((one) => one.startsWith('droplet')).length),
    listCalls: () => double.count('droplets_list'),
    freshState: 'Running',
    abortDelaysMs: [0, 5],
    lostEvents: [0, 1],
  }
}

driverContract(t, 'digitalocean', subject)
