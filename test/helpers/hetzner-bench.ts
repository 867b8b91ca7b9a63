import type { Test } from 'tap'
import type {
  Driver,
  DriverMachine,
  FlagValues,
  MachineSpec,
  PreflightFault,
} from '../../src/contracts/driver.js'
import type { Resource } from '../../src/contracts/record.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { factory } from '../../src/drivers/hetzner/index.js'
import { type DoubleOptions, TOKEN } from '../doubles/cloud/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { driverDeps, scratchDir } from './driver-deps.js'
import { FastClock } from './fast-clock.js'

export const STORE = 'f'.repeat(32)
export const NEVER = new AbortController().signal
const PLACEHOLDER =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

/** A machine of a test: what its create has recorded. */
export class BenchMachine {
  resources: readonly Resource[] = []

  constructor(
    private readonly url: string,
    readonly name: string,
    private readonly given: FlagValues,
    private readonly more: Partial<MachineSpec>,
  ) {}

  get machine(): DriverMachine {
    const id = Buffer.from(this.name.padEnd(16, '.')).toString('hex')
    const values = { 'hetzner-api-token': TOKEN, 'hetzner-endpoint': this.url, ...this.given }
    const parsed = factory.parse(collectFlagValues(factory.flags, values, {}).values)
    if (!parsed.ok) throw new Error(parsed.faults.join())
    const { name, resources } = this
    return { name, id, storeId: STORE, dir: '/nowhere', config: parsed.config, resources }
  }

  get spec(): MachineSpec {
    const { config, resources, ...machine } = this.machine
    const tags = { 'tsmachine-store': STORE, 'tsmachine-id': machine.id, 'tsmachine-name': machine.name }
    return {
      ...{ machine, config, resources, sshUser: 'root', tags },
      placeholderKey: PLACEHOLDER,
      access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
      seed: { metaData: '', userData: '#cloud-config\n{}\n' },
      ...this.more,
    }
  }

  /** Records events as the machine layer does; returns the texts of its log. */
  async record(events: AsyncIterable<unknown> | undefined): Promise<string[]> {
    const texts: string[] = []
    for await (const each of events ?? []) {
      const event = each as { type: string; text?: string; kind?: string; key?: string; resource?: Resource }
      const { kind, key } = event.resource ?? event
      if (event.text !== undefined) texts.push(event.text)
      else this.resources = this.resources.filter((one) => one.kind !== kind || one.key !== key)
      if (event.resource) this.resources = [...this.resources, event.resource]
    }
    return texts
  }
}

export interface HetznerBench {
  readonly double: HetznerDouble
  /** As a new process opens it. */
  readonly open: () => Promise<Driver>
  readonly machine: (name: string, given?: FlagValues, more?: Partial<MachineSpec>) => BenchMachine
  readonly preflight: (given: FlagValues, more?: Partial<MachineSpec>) => Promise<readonly PreflightFault[]>
}

/** A double of Hetzner whose time goes fast, and machines at it. At the end nothing may be left but what a test put there. */
export async function hetznerBench(t: Test, options: DoubleOptions = {}): Promise<HetznerBench> {
  const dir = scratchDir(t)
  const clock = new FastClock(50)
  const times = { boot: 500, power: 200, remove: 500 }
  const double = await HetznerDouble.start({ clock, limits: false, times, ...options })
  t.teardown(async () => {
    await double.close()
    if (double.violations.length > 0) throw new Error(double.violations.join('\n'))
  })
  const machine: HetznerBench['machine'] = (name, given = {}, more = {}) =>
    new BenchMachine(double.url, name, given, more)
  const open = (): Promise<Driver> => factory.open({ ...driverDeps(dir), clock })
  return {
    double,
    open,
    machine,
    async preflight(given, more) {
      return await (await open()).preflight(machine('web', given, more).spec, NEVER)
    },
  }
}
