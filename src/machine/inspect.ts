import type { JsonObject } from '../contracts/json.js'
import type { MachineRecord } from '../contracts/record.js'
import { secretKeysOf } from '../drivers/common/recorded/machine-resource.js'
import { maskChoices, maskSecrets } from '../store/mask.js'
import type { MachineContext } from './context.js'
import { recordedFactory } from './open.js'

/**
 * The record as docker-machine shows it (its `config.json`, secrets masked), and beside it what only we know. Reads
 * the record and nothing else, so it works for every recorded machine.
 */
export async function inspectMachine(ctx: MachineContext, name: string): Promise<JsonObject> {
  const record = ctx.store.get(name)
  const secrets = await secretKeys(ctx, record)
  const config = maskSecrets(record.config, secrets)
  const shown = plain({ ...config, HostOptions: maskChoices(config.HostOptions) })
  if (!record.ledger) return shown
  const driver = { ...record.ledger.driver, config: maskedConfig(record, secrets) }
  const ledger = { ...record.ledger, driver, options: maskChoices(record.ledger.options) }
  return { ...shown, HostKey: hostKeyView(record), Tsmachine: plain(ledger) }
}

/** Config keys that the driver itself calls secret (one that is not here says none), and those that our record knows to be. */
export async function secretKeys(ctx: MachineContext, record: MachineRecord): Promise<readonly string[]> {
  const factory = await recordedFactory(ctx, record).catch(() => undefined)
  const flags = factory?.flags.filter((flag) => flag.secret).map((flag) => flag.key) ?? []
  return [...flags, ...secretKeysOf(record.ledger?.resources ?? [])]
}

function maskedConfig(record: MachineRecord, secrets: readonly string[]): JsonObject {
  return maskSecrets({ ...record.config, Driver: record.ledger?.driver.config ?? {} }, secrets).Driver
}

function hostKeyView(record: MachineRecord): JsonObject | null {
  const keys = record.ledger?.hostKeys
  return keys ? { Source: keys.source, Key: keys.current, Rotated: keys.rotated } : null
}

/** Interfaces as the JSON that they are. */
function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}
