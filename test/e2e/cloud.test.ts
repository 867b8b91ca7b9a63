/** Each cloud driver against its provider's double, whose servers are real VMs of our boot image. */
import { execFileSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { type CloudDouble, TOKEN } from '../doubles/cloud/index.js'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { importBusybox } from '../helpers/busybox-image.js'
import { TestUser } from '../helpers/cli.js'
import { size } from '../sizes.js'

t.setTimeout(900_000)

interface Double {
  readonly url: string
  readonly violations: readonly string[]
  inventory(): readonly string[]
  close(): Promise<void>
}

/** A provider as its users meet it: its double, and the variables that lead there. */
interface Cloud {
  /** Its servers come back from a stop with another address. */
  start(): Promise<Double>
  env(double: Double): Readonly<Record<string, string>>
  /** The flag for user data of one's own. */
  readonly userData: string
  /** What nobody may see. */
  readonly secret: string
}

/** User data of the user's own: it must run beside ours, once. */
const OWN_SCRIPT = '#!/bin/sh\necho mine >>/var/lib/tsmachine/mine\n'

const CLOUDS: Readonly<Record<string, Cloud>> = {
  digitalocean: {
    start: async () => moving(await DigitalOceanDouble.start({ servers: 'vms' })),
    env: ({ url }) => ({ DIGITALOCEAN_API_URL: url, DIGITALOCEAN_ACCESS_TOKEN: TOKEN }),
    userData: '--digitalocean-userdata',
    secret: TOKEN,
  },
  hetzner: {
    start: async () => moving(await HetznerDouble.start({ servers: 'vms' })),
    env: ({ url }) => ({ HCLOUD_ENDPOINT: url, HETZNER_API_TOKEN: TOKEN }),
    userData: '--hetzner-user-data-file',
    secret: TOKEN,
  },
  amazonec2: {
    start: () => Ec2Double.start({ servers: 'vms' }),
    env: ({ url }) => ({
      AWS_ENDPOINT: url,
      AWS_ACCESS_KEY_ID: CREDENTIAL.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIAL.secretAccessKey,
    }),
    userData: '--amazonec2-userdata',
    secret: CREDENTIAL.secretAccessKey,
  },
}

function moving(double: CloudDouble): CloudDouble {
  double.conditions.changesAddress = true
  return double
}

interface Case {
  readonly driver: string
  readonly cloud: Cloud
  /** Whether it is stopped and started too. */
  readonly restarts: boolean
}

/** The whole life of a machine: what a user types, and what is left at the provider. */
async function life(t: Test, { driver, cloud, restarts }: Case): Promise<void> {
  const double = await cloud.start()
  t.teardown(() => double.close())
  const user = new TestUser()
  t.teardown(() => user.cleanUp())
  const env = cloud.env(double)
  const words = ['--debug', 'create', '--driver', driver, cloud.userData, '-', 'staging']
  const created = await user.tsmachine(words, { env, input: OWN_SCRIPT })
  t.equal(created.code, 0, created.stderr)
  t.match(created.stderr, /POST|RunInstances/, 'requests are told to those who look for a fault')
  t.notMatch(created.stdout + created.stderr, cloud.secret)
  const first = (await user.ok(['ip', 'staging'])).trim()
  // The token was given to create alone.
  t.match(
    await user.ok(['ls', '--timeout', '60']),
    new RegExp(`staging .* ${driver} +Running +tcp://${first}:2376 +v\\d`),
  )
  t.match(await user.ok(['access', 'staging']), '10.0.2.2/32', 'open to the address that the host saw of us')
  await importBusybox(user, 'staging')
  const ran = await user.docker('staging', ['run', '--name', 'kept', 'busybox', 'echo', 'hello'])
  t.match(ran, { stdout: 'hello\n' })

  if (restarts) await startElsewhere(t, user, first)
  // It runs once SSH is there.
  const ownScript = 'timeout 60 sh -c "until [ -s mine ]; do sleep 1; done"; cat mine'
  t.equal(
    await user.ok(['ssh', 'staging', '--', `cd /var/lib/tsmachine; ${ownScript}`]),
    'mine\n',
    'own user data, once',
  )

  const [place, ...others] = placesOf(cloud.secret, user.home)
  t.match(place, /\/store\/secrets\//, 'the secret is in its backend')
  t.same(others, [], 'and nowhere else')
  await user.ok(['rm', '-y', 'staging'])
  t.strictSame(double.inventory(), [], 'nothing is left at the provider')
  t.strictSame(double.violations, [])
}

async function startElsewhere(t: Test, user: TestUser, first: string): Promise<void> {
  await user.ok(['stop', 'staging'])
  t.equal((await user.ok(['status', 'staging'])).trim(), 'Stopped')
  await user.ok(['start', 'staging'])
  t.not((await user.ok(['ip', 'staging'])).trim(), first, 'it came back elsewhere')
  t.match(await user.docker('staging', ['ps', '-a', '--format', '{{.Names}}']), { stdout: 'kept\n' })
}

/** Files that hold a text. */
function placesOf(text: string, dir: string): readonly string[] {
  const found = execFileSync('grep', ['-rlFs', '--', text, dir], { encoding: 'utf8' })
  return found.split('\n').filter(Boolean)
}

for (const [index, [driver, cloud]] of Object.entries(CLOUDS).entries()) {
  const restarts = index < size('cloudRestarts')
  const verbs = restarts ? 'create, run, stop, start elsewhere, rm' : 'create, run, rm'
  void t.test(`${driver}: ${verbs}`, (t) => life(t, { driver, cloud, restarts }))
}
