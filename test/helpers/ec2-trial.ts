import type { Test } from 'tap'
import type {
  Driver,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  FlagValues,
  JsonObject,
  MachineSpec,
  PreflightFault,
} from '../../src/contracts/driver.js'
import type { Resource } from '../../src/contracts/record.js'
import { factory } from '../../src/drivers/amazonec2/index.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { StoreDesk } from '../../src/store/account-desk.js'
import { CREDENTIAL, Ec2Double, type Ec2Options } from '../doubles/ec2/index.js'
import { driverDeps, machineDir, scratchDir } from './driver-deps.js'
import { BriskClock } from './fast-clock.js'
import { NEVER } from './never.js'

const SPEED = 50
export const EC2_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

export interface TrialOptions extends Ec2Options {
  /** Where it is not the double's own. */
  readonly driverClock?: DriverDeps['clock']
}

/** One machine of the EC2 driver at a double of EC2, recorded as the machine layer does. */
export class Ec2Trial {
  resources: readonly Resource[] = []
  readonly logs: string[] = []
  private constructor(
    readonly double: Ec2Double,
    readonly driver: Driver,
    readonly dir: string,
    readonly config: JsonObject,
    readonly id = 'a1'.repeat(16),
    private readonly open: () => Promise<Driver>,
  ) {}

  static async start(t: Test, flags: FlagValues = {}, options: TrialOptions = {}): Promise<Ec2Trial> {
    const clock = new BriskClock(SPEED)
    const double = await Ec2Double.start({ servers: 'none', rates: false, clock, ...options })
    t.teardown(() => double.close())
    const dir = scratchDir(t)
    const deps = {
      ...driverDeps(dir),
      clock: options.driverClock ?? clock,
      account: (key: string) => new StoreDesk({ root: dir, readAll: () => [] }, key, clock),
    }
    const config = ec2Config({ 'amazonec2-endpoint': double.url, ...flags })
    const open = (): Promise<Driver> => factory.open({ ...deps })
    return new Ec2Trial(double, await open(), machineDir(dir, 'a1'.repeat(16)), config, undefined, open)
  }

  /** The same machine as another process has it, which has made nothing. */
  async elsewhere(): Promise<Ec2Trial> {
    const { double, dir, config, id, open } = this
    const other = new Ec2Trial(double, await open(), dir, config, id, open)
    other.resources = this.resources
    return other
  }

  /** Another machine of the same store, or the same with other settings. */
  with(config: JsonObject, id = this.id): Ec2Trial {
    return new Ec2Trial(this.double, this.driver, this.dir, config, id, this.open)
  }

  machine(): DriverMachine {
    const { id, dir, config, resources } = this
    return { name: `m${id.slice(0, 4)}`, id, storeId: 'f'.repeat(32), dir, config, resources }
  }

  spec(): MachineSpec {
    const { config, resources, ...machine } = this.machine()
    const tags = {
      'tsmachine-store': machine.storeId,
      'tsmachine-id': machine.id,
      'tsmachine-name': machine.name,
    }
    return {
      machine,
      config,
      resources,
      sshUser: 'admin',
      tags,
      placeholderKey: EC2_KEY,
      seed: { metaData: '', userData: '#cloud-config\n{}\n' },
      access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
    }
  }

  async preflight(): Promise<readonly PreflightFault[]> {
    return await this.driver.preflight(this.spec(), NEVER)
  }

  async create(): Promise<void> {
    await this.record(this.driver.create(this.spec(), NEVER))
  }

  async remove(): Promise<void> {
    await this.record(this.driver.remove(this.machine(), NEVER))
  }

  async record(events: AsyncIterable<DriverEvent> | readonly DriverEvent[] | undefined): Promise<void> {
    for await (const event of events ?? []) {
      if (event.type === 'log') this.logs.push(event.text)
      if (event.type === 'removed')
        this.resources = this.resources.filter(({ kind, key }) => kind !== event.kind || key !== event.key)
      if (event.type === 'intent' || event.type === 'made') this.#keep(event.resource)
    }
  }

  #keep(resource: Resource): void {
    const others = this.resources.filter(({ kind, key }) => kind !== resource.kind || key !== resource.key)
    this.resources = [...others, resource]
  }

  /** What the last request of an action held. */
  asked(action: string): Readonly<Record<string, unknown>> {
    return this.double.requests.filter(({ operation }) => operation === action).at(-1)?.input ?? {}
  }
}

/** A config from flags; credentials of the double are given. */
export function ec2Config(flags: FlagValues): JsonObject {
  const keys = {
    'amazonec2-access-key': CREDENTIAL.accessKeyId,
    'amazonec2-secret-key': CREDENTIAL.secretAccessKey,
  }
  const parsed = factory.parse(collectFlagValues(factory.flags, { ...keys, ...flags }, {}).values)
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return parsed.config
}
