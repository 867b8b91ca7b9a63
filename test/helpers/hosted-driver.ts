/**
 * The fake driver with a host behind it: an sshd on 127.0.0.1 whose every command is a script of the test's own
 * (`scripted-host.ts`), and an engine. What a first boot would do with user data is done to that sshd.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  AccessRules,
  Driver,
  DriverFactory,
  DriverMachine,
  FlagValues,
  MachineSpec,
} from '../../src/contracts/driver.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { ConfigReader } from '../../src/drivers/common/config-reader.js'
import { covers } from '../../src/util/cidr.js'
import { factory as fake } from '../doubles/fake-driver/index.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'

/** Plain JSON, so that a worker process can have the same driver. */
export interface Hosting {
  readonly sshPort: number
  readonly sshUser: string
  readonly enginePort: number
  /** Address from which the host sees us: the provider's firewall is enforced for it. */
  readonly caller?: string
  /** Directory of the sshd: host key, authorized_keys and pid. */
  readonly sshDir: string
}

/** Driver `fake` as a cloud driver whose host key is given before the first boot. */
export function hostedFactory(hosting: Hosting): DriverFactory {
  const made: Partial<Record<keyof DriverFactory, unknown>> & DriverFactory = { ...fake }
  delete made.login
  return {
    ...made,
    async open(deps) {
      const driver = await fake.open(deps)
      const create = driver.create.bind(driver)
      const states = driver.states.bind(driver)
      return Object.assign(driver, {
        states: async (...asked: Parameters<typeof states>) =>
          (await states(...asked)).map(({ address, ...report }) =>
            address?.startsWith('127.') ? { ...report, address } : report,
          ),
        patience: () => 1,
        endpoint: (machine: DriverMachine) => {
          const rules = rulesAtProvider(machine)
          const host = addressOf(machine)
          const port = (of: 'ssh' | 'engine', open: number): number =>
            hosting.caller === undefined || letsIn(rules?.[of] ?? [], hosting.caller) ? open : CLOSED
          return {
            address: host,
            ssh: { host, port: port('ssh', hosting.sshPort), user: hosting.sshUser },
            engine: { host, port: port('engine', hosting.enginePort) },
            enginePort: 2376,
            sans: [],
          }
        },
        async *create(spec: MachineSpec, signal: AbortSignal) {
          yield* create(spec, signal)
          firstBoot(hosting.sshDir, spec)
        },
        seal: (_machine: unknown, seed: { userData: string }) => {
          writeFileSync(join(hosting.sshDir, 'sealed'), seed.userData)
          return Promise.resolve()
        },
      }) satisfies Driver
    },
  }
}

/** Where nobody listens. */
const CLOSED = 9

function letsIn(sources: readonly string[], caller: string): boolean {
  return sources.some((source) => covers(source, caller))
}

/** Addresses at the double are of no network; one of loopback is where a test has moved the server to. */
function addressOf({ resources }: DriverMachine): string {
  const attributes = resources.find(({ kind }) => kind === 'server')?.attributes ?? {}
  const address = new ConfigReader(attributes).string('address')
  return address.startsWith('127.') ? address : '127.0.0.1'
}

/** What the provider's firewall lets through to a machine at this moment. */
function rulesAtProvider({ id, config }: DriverMachine): AccessRules | undefined {
  const { servers, firewalls } = new FakeProvider(new ConfigReader(config).string('dir')).read()
  const name = servers.find(({ tags }) => tags['tsmachine-id'] === id)?.firewall
  return firewalls.find((firewall) => firewall.name === name)?.rules
}

/** Flag values of a machine at the provider double in `dir`. */
export function fakeFlags(dir: string, more: FlagValues = {}): FlagValues {
  return collectFlagValues(fake.flags, { 'fake-dir': dir, ...more }, {}).values
}

/** Fake driver without SSH: its create is stage `make` alone. */
export const bareFactory: DriverFactory = {
  ...fake,
  capabilities: { ...fake.capabilities, ssh: false },
}

function firstBoot(dir: string, spec: MachineSpec): void {
  if (!spec.seed || existsSync(join(dir, 'seeded'))) return
  const data = JSON.parse(spec.seed.userData.replace('#cloud-config\n', '')) as {
    ssh_keys: { ed25519_private: string; ed25519_public: string }
    users: [{ ssh_authorized_keys: string[] }]
  }
  writeFileSync(join(dir, 'host_ed25519'), data.ssh_keys.ed25519_private, { mode: 0o600 })
  writeFileSync(join(dir, 'host_ed25519.pub'), `${data.ssh_keys.ed25519_public}\n`)
  writeFileSync(join(dir, 'authorized_keys'), data.users[0].ssh_authorized_keys.join('\n'))
  writeFileSync(join(dir, 'seeded'), '')
  process.kill(Number(readFileSync(join(dir, 'pid'), 'utf8')), 'SIGHUP')
}
