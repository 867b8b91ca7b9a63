import type { DriverDeps, DriverEvent, DriverMachine, Endpoint, MachineSpec } from '../../contracts/driver.js'
import type { CloudServer } from '../common/cloud/account.js'
import { type CloudDefinition, CloudDriver } from '../common/cloud/driver.js'
import { accountKey, type DigitalOceanAccount, openAccount } from './account.js'
import { reachOf, readConfig } from './config.js'
import { dropletPart } from './droplets.js'
import { projectPart, reservedAddress, reservedIpPart } from './extras.js'
import { firewalls } from './firewalls.js'
import { sizes } from './lookups.js'
import { preflight } from './preflight.js'
import { sshKeyPart } from './ssh-keys.js'

/** Looked at by those who make something, not by readers of records. */
const definition: CloudDefinition<DigitalOceanAccount> = {
  accountKey: (config) => accountKey(config),
  openAccount: (config, deps) => openAccount(config, deps),
  get parts() {
    return [sshKeyPart, firewalls.part, dropletPart, reservedIpPart, projectPart]
  },
  get firewalls() {
    return firewalls
  },
  reach: reachOf,
  preflight: (account, spec, signal) => preflight(account, spec, signal),
}

/** Droplets. */
export class DigitalOceanDriver extends CloudDriver<DigitalOceanAccount> {
  constructor(deps: DriverDeps) {
    super(definition, deps)
  }

  override async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    const { size, region } = readConfig(spec.config)
    const found = (await sizes(await this.account(spec), signal)).find(({ slug }) => slug === size)
    if (found)
      yield { type: 'log', level: 'info', text: `${size} in ${region}: $${found.price_monthly} a month` }
    yield* super.create(spec, signal)
  }

  protected override addressNow(machine: DriverMachine, server: CloudServer): string {
    return reservedAddress(machine.resources) ?? super.addressNow(machine, server)
  }

  override endpoint(machine: DriverMachine): Endpoint {
    const endpoint = super.endpoint(machine)
    const address = reservedAddress(machine.resources)
    if (address === undefined || endpoint.ssh === undefined) return endpoint
    return {
      ...endpoint,
      address,
      ssh: { ...endpoint.ssh, host: address },
      engine: { ...endpoint.engine, host: address },
      sans: [...endpoint.sans, address],
    }
  }
}
