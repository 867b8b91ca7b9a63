import type { DriverFactory, DriverMachine, FlagValues, MachineSpec } from '../../src/contracts/driver.js'
import type { Resource } from '../../src/contracts/record.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'

export const STORE = 'f'.repeat(32)
const PLACEHOLDER =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

/** A machine of a test at a provider's double: what its create has recorded. */
export class BenchMachine {
  resources: readonly Resource[] = []

  constructor(
    private readonly factory: DriverFactory,
    readonly name: string,
    /** Where the double is, its token, and what the test chose. */
    private readonly flags: FlagValues,
    private readonly more: Partial<MachineSpec>,
  ) {}

  get machine(): DriverMachine {
    const id = Buffer.from(this.name.padEnd(16, '.')).toString('hex')
    const { factory } = this
    const parsed = factory.parse(collectFlagValues(factory.flags, this.flags, {}).values)
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
