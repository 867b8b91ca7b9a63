import type { Clock } from '../../src/contracts/clock.js'
import type { Driver, DriverMachine, MachineSpec } from '../../src/contracts/driver.js'
import type { JsonObject, Resource } from '../../src/contracts/record.js'
import { NEVER } from './never.js'

const STORE = 'f'.repeat(32)
/** What a machine's first connection and provisioning take, until its firewall is narrowed and its host key noted. */
export const CONNECT_MS = [5_000, 25_000] as const
const PLACEHOLDER =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine'

/** The machines of one test and what they go through. */
export class Fleet {
  readonly resources = new Map<string, readonly Resource[]>()

  constructor(
    readonly driver: Driver,
    readonly config: JsonObject,
    readonly clock: Clock,
    readonly dir: string,
  ) {}

  machine(index: number): DriverMachine {
    const id = index.toString(16).padStart(32, '0')
    return {
      id,
      name: `m${index}`,
      storeId: STORE,
      dir: this.dir,
      config: this.config,
      resources: this.resources.get(id) ?? [],
    }
  }

  async create(index: number): Promise<void> {
    const { config, resources, ...machine } = this.machine(index)
    const { id, name } = machine
    const spec: MachineSpec = {
      machine,
      config,
      resources,
      sshUser: 'root',
      tags: { 'tsmachine-store': STORE, 'tsmachine-id': id, 'tsmachine-name': name },
      seed: { metaData: '', userData: `#cloud-config\n{"hostname":"${name}"}\n` },
      placeholderKey: PLACEHOLDER,
      access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
    }
    await this.#record(id, this.driver.create(spec, NEVER))
    await this.clock.sleep(between(CONNECT_MS, index))
    const rules = { ssh: ['203.0.113.7/32'], engine: ['203.0.113.7/32'] }
    await this.#record(id, this.driver.setAccess?.(this.machine(index), rules, NEVER))
    await this.driver.label?.(this.machine(index), { 'tsmachine-hostkey': id.repeat(2) }, NEVER)
  }

  /** Removes it, as its record tells. */
  async remove(index: number): Promise<void> {
    const machine = this.machine(index)
    await this.#record(machine.id, this.driver.remove(machine, NEVER))
  }

  async #record(id: string, events: ReturnType<Driver['create']> | undefined): Promise<void> {
    for await (const event of events ?? []) {
      const known = this.resources.get(id) ?? []
      const named = event.type === 'removed' ? event : 'resource' in event ? event.resource : undefined
      if (!named) continue
      const others = known.filter(({ kind, key }) => kind !== named.kind || key !== named.key)
      this.resources.set(id, 'resource' in event ? [...others, event.resource] : others)
    }
  }
}

/** Spread evenly, and the same in each run. */
function between([least, most]: readonly [number, number], index: number): number {
  return least + ((index * 7_919) % 1_000) * ((most - least) / 1_000)
}
