import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../src/contracts/driver.js'
import { formatHostRecord } from '../../src/store/go-json.js'
import { newHostRecord } from '../../src/store/records.js'
import type { GoProvider, GoServer } from './go-provider.js'
import { machineOptions } from './records.js'

/** A machine of the plugin written in Go: what is recorded, and what its provider has. */
export interface PluginMachine {
  readonly name: string
  /** The recorded address; the provider's too, unless `server` has another. */
  readonly address: string
  readonly server?: Partial<Pick<GoServer, 'state' | 'address'>>
  /** Of its state, beside or instead of what all have. */
  readonly fields?: JsonObject
}

/** Machines of driver `godouble` in docker-machine's own records, with a running server of its own for each. */
export function writePluginMachines(
  store: string,
  provider: GoProvider,
  machines: readonly PluginMachine[],
): void {
  for (const [index, { name, address, fields }] of machines.entries()) {
    const driverFields = {
      IPAddress: address,
      ProviderFile: provider.file,
      ApiToken: 'go-double-secret',
      ServerID: `srv-${index + 1}`,
      Serial: index,
      Size: 'small',
      Cpus: 2,
      EnginePort: 2376,
      Tags: null,
      Labels: null,
      Network: { Name: '', Private: false, Subnets: null },
      Address: '',
      SSHKey: '',
      AuthorizedKeys: '',
      ...fields,
    }
    const options = machineOptions()
    const config = newHostRecord({ name, store, driverName: 'godouble', driverFields, options })
    const dir = join(store, 'machines', name)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, 'config.json'), formatHostRecord(config), { mode: 0o600 })
  }
  provider.change(() =>
    machines.map(({ name, address, server }, index) => {
      return { id: `srv-${index + 1}`, name, address, state: 'Running', ...server }
    }),
  )
}

/** So many machines that run, each at an address of this computer where nothing listens. */
export function pluginMachines(count: number): readonly PluginMachine[] {
  return Array.from({ length: count }, (_item, index) => ({
    name: `m${index + 1}`,
    address: `127.77.${Math.floor(index / 250)}.${(index % 250) + 1}`,
  }))
}
