import type { DriverDeps, DriverEvent, MachineSpec } from '../../contracts/driver.js'
import { CloudDriver } from '../common/cloud/driver.js'
import type { HetznerAccount } from './account.js'
import { definition } from './parts.js'
import { offerNotes } from './preflight-offer.js'

/** Servers at Hetzner Cloud. */
export class HetznerDriver extends CloudDriver<HetznerAccount> {
  constructor(deps: DriverDeps) {
    super(definition, deps)
  }

  override async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    signal.throwIfAborted()
    for (const note of await offerNotes(await this.account(spec), spec, signal))
      yield { type: 'log', ...note }
    yield* super.create(spec, signal)
  }
}
