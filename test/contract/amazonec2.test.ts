import t from 'tap'
import type { FlagValues } from '../../src/contracts/driver.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { StoreDesk } from '../../src/store/account-desk.js'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
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

function flags(double: Ec2Double): FlagValues {
  return {
    'amazonec2-access-key': CREDENTIAL.accessKeyId,
    'amazonec2-secret-key': CREDENTIAL.secretAccessKey,
    'amazonec2-endpoint': double.url,
    'amazonec2-region': 'us-east-1',
  }
}

async function subject(t: Cleaner): Promise<DriverSubject> {
  const dir = scratchDir(t)
  const clock = new FastClock(SPEED)
  const double = await Ec2Double.start({ servers: 'none', rates: false, clock })
  t.teardown(() => double.close())
  return {
    load: () => loadFactory('amazonec2'),
    deps: {
      ...driverDeps(dir),
      clock,
      account: (key) => new StoreDesk({ root: dir, readAll: () => [] }, key, clock),
    },
    good: flags(double),
    bad: {
      'amazonec2-access-key': 'AKIADUMMY',
      'amazonec2-keypair-name': 'mine',
      'amazonec2-ssh-port': 0,
      'amazonec2-open-port': ['80x'],
      'amazonec2-tags': 'a,b,c',
      'amazonec2-image-name': 'win*',
      'amazonec2-endpoint': 'http://example.com',
      'amazonec2-spot-price': 'cheap',
      'amazonec2-instance-typ': 'x',
    },
    faults: [
      /both --amazonec2-access-key and --amazonec2-secret-key/,
      /keypair-name also requires --amazonec2-ssh-keypath/,
      /ssh-port wants a port/,
      /"80x" is no port/,
      /3 words are no pairs/,
      /neither debian-N nor ubuntu-YY.MM/,
      /not encrypted/,
      /"cheap" is no price/,
      /mean --amazonec2-instance-type\b/,
    ],
    machineDir: (id) => machineDir(dir, id),
    extra: EXTRA,
    leftovers: () => Promise.resolve([...double.inventory(), ...double.violations]),
    count: () => Promise.resolve(double.inventory().filter((one) => /\binstance i-/.test(one)).length),
    listCalls: () => double.count('DescribeInstances'),
    freshState: 'Running',
    abortDelaysMs: [0, 5],
    lostEvents: [0, 1],
  }
}

driverContract(t, 'amazonec2', subject)

// On the real clock: who dies young signs by it. What a double of EC2 does takes requests, not time.
cloudCrashes(t, async (t) => {
  const double = await Ec2Double.start({ rates: false })
  t.teardown(() => double.close())
  return { driver: 'amazonec2', flags: flags(double), extra: EXTRA, double, speed: SPEED }
})
