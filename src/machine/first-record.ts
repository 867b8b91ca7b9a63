import type { DriverFactory } from '../contracts/driver.js'
import type { JsonObject } from '../contracts/json.js'
import type { LedgerRecord, MachineOptions, MachineRecord } from '../contracts/record.js'
import { newHostRecord, newLedger } from '../store/records.js'
import type { MachineContext } from './context.js'
import { recordedAs } from './open.js'

/** Both files of a machine of which nothing is made yet. */
export function firstRecord(
  ctx: MachineContext,
  factory: DriverFactory,
  config: JsonObject,
  wanted: { name: string; machineId: string; options: MachineOptions },
): MachineRecord & { readonly ledger: LedgerRecord } {
  const { name, machineId, options } = wanted
  const ledger = newLedger({
    machineId,
    driver: factory.record.unread
      ? { name: factory.name, config: {}, unread: true }
      : { name: factory.name, config },
    options,
    now: ctx.clock.now(),
  })
  const driverFields = factory.record.toFields(config, [])
  const host = newHostRecord({
    name,
    store: ctx.store.root,
    driverName: recordedAs(factory),
    driverFields,
    options,
    tlsFiles: ctx.tlsFiles,
  })
  return { name, dir: ctx.store.dir(name), config: host, ledger }
}
