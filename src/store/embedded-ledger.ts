/**
 * The ledger inside `config.json`, for hosts that keep nothing else of a machine: a program that drives our drivers as
 * plugins saves the driver's state, and may carry that alone to another computer (docs/serving-drivers.md).
 */
import type { BrokenRecord, JsonObject, LedgerRecord, MachineRecord } from '../contracts/record.js'
import { parseLedger } from './schema.js'

/** Key in `Driver` that no driver of docker-machine has. */
export const LEDGER_FIELD = 'Tsmachine'

/** What tells the two files of a record from each other has no meaning in there. */
const FILE_KEYS = ['configHash', 'replacedHash', 'configStamp']

/** A ledger as it goes into a driver's state. It holds references to secrets, as the file does, and no secret. */
export function embeddedLedger(ledger: LedgerRecord): JsonObject {
  const kept = Object.entries(ledger).filter(([key]) => !FILE_KEYS.includes(key))
  return JSON.parse(JSON.stringify(Object.fromEntries(kept))) as JsonObject
}

/** The ledger in a driver's state, if there is a sound one. */
export function readEmbeddedLedger(fields: JsonObject): LedgerRecord | undefined {
  const field = fields[LEDGER_FIELD]
  if (typeof field !== 'object' || field === null || Array.isArray(field)) return undefined
  const parsed = parseLedger(JSON.stringify({ ...field, configHash: '' }))
  return 'value' in parsed ? parsed.value : undefined
}

/** What is known of a machine by us, from whichever of the two places. */
export function knownLedger(record: MachineRecord | BrokenRecord): LedgerRecord | undefined {
  return record.ledger ?? ('config' in record ? readEmbeddedLedger(record.config.Driver) : undefined)
}
