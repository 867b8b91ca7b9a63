/** Where the machines of one case of the kill -9 campaign are made: a provider's double of its own, and how to get there. */
import { join } from 'node:path'
import type { Clock } from '../../src/contracts/clock.js'
import { systemClock } from '../../src/util/clock.js'
import { TOKEN } from '../doubles/cloud/index.js'
import type { Fault } from '../doubles/cloud/index.js'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { NamespaceGuests } from './namespace-host.js'

interface Request {
  readonly number: number
  readonly operation: string | undefined
}

/** A method, so that a double may tell its hook more. */
interface Watched {
  hook(request: Request): void | Promise<void>
}

/** A double over HTTP, which can tell of each request before it is acted on and afterwards. */
export interface Double {
  onRequest: Watched['hook']
  onActed: Watched['hook']
  readonly violations: readonly string[]
  fail(fault: Fault): void
  readonly faults: { clear(): void }
}

export interface Site {
  readonly driver: string
  readonly env: Readonly<Record<string, string>>
  /** What must be in no file but those of the secret backend. */
  readonly secret: string | undefined
  /** Its machines are hosts that can be logged in to. */
  readonly hasHosts: boolean
  /** The double, where requests go over HTTP; the fake driver's provider is a file of this case's home. */
  readonly double: Double | undefined
  /** Everything that exists at the provider. */
  left(): readonly string[]
  /** How many servers there are. */
  servers(): number
  /** Names by which `gc` takes what is there although it is young. */
  ids(): readonly string[]
  /** As if hours had passed since anything there was made. */
  grow(): void
  /** From now on the provider refuses all, or no longer. */
  refuse(all: boolean): void
  close(): Promise<void>
}

type OpenDouble = Double & { readonly url: string; inventory(): readonly string[]; close(): Promise<void> }

interface Cloud {
  start(): Promise<OpenDouble>
  env(url: string): Readonly<Record<string, string>>
  readonly secret: string
}

const IS_SERVER = /^droplet |^server |\binstance i-/
/** Servers of a double are hours old as soon as they are made: `gc` leaves younger ones alone. EC2 refuses such a clock. */
const HOURS_3 = 3 * 3_600_000
const BEHIND: Clock = { ...systemClock, now: () => new Date(Date.now() - HOURS_3) }
const OLD = { times: { boot: 20, power: 10, remove: 10 }, limits: false, clock: BEHIND }

const CLOUDS: Readonly<Record<string, Cloud>> = {
  digitalocean: {
    start: () => DigitalOceanDouble.start({ ...OLD, servers: new NamespaceGuests() }),
    env: (url) => ({ DIGITALOCEAN_API_URL: url, DIGITALOCEAN_ACCESS_TOKEN: TOKEN }),
    secret: TOKEN,
  },
  hetzner: {
    start: () => HetznerDouble.start({ ...OLD, servers: new NamespaceGuests() }),
    env: (url) => ({ HCLOUD_ENDPOINT: url, HETZNER_API_TOKEN: TOKEN }),
    secret: TOKEN,
  },
  amazonec2: {
    start: () => Ec2Double.start({ servers: new NamespaceGuests(), rates: false }),
    env: (url) => ({
      AWS_ENDPOINT: url,
      AWS_ACCESS_KEY_ID: CREDENTIAL.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIAL.secretAccessKey,
      AWS_SSH_USER: 'root',
    }),
    secret: CREDENTIAL.secretAccessKey,
  },
}

export type KillDriver = 'fake' | 'digitalocean' | 'hetzner' | 'amazonec2'

export async function openSite(driver: KillDriver, home: string): Promise<Site> {
  const cloud = CLOUDS[driver]
  return cloud ? await atCloud(driver, cloud) : atFake(home)
}

async function atCloud(driver: string, cloud: Cloud): Promise<Site> {
  const double = await cloud.start()
  return {
    driver,
    env: cloud.env(double.url),
    secret: cloud.secret,
    hasHosts: true,
    double,
    left: () => [...double.inventory(), ...double.violations],
    ids: () => double.inventory().flatMap((line) => /\b(?:i|key|sg|vol)-[0-9a-f]{8,}/.exec(line)?.[0] ?? []),
    grow: () => undefined,
    servers: () => double.inventory().filter((line) => IS_SERVER.test(line)).length,
    refuse: (all) =>
      all
        ? double.fail({ kind: 'status', status: 403, code: 'forbidden', times: Infinity })
        : double.faults.clear(),
    close: () => double.close(),
  }
}

function atFake(home: string): Site {
  const provider = new FakeProvider(join(home, 'provider'))
  const everything = { call: 'deleteServer', after: 0, kind: 'fail' } as const
  return {
    driver: 'fake',
    env: { FAKE_DIR: provider.dir },
    secret: undefined,
    hasHosts: false,
    double: undefined,
    left: () => provider.leftovers(),
    ids: () => [],
    grow: () => provider.age(HOURS_3),
    servers: () => provider.read().servers.length,
    refuse: (all) => provider.script(all ? [everything] : []),
    close: () => Promise.resolve(),
  }
}
