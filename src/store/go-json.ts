import type { HostRecordV3, JsonObject } from '../contracts/record.js'
import { escapeAsGo } from '../util/text.js'
import { stringifyExactly } from './exact-numbers.js'

const DRIVER = '{"Driver":'

/**
 * `config.json` as Go's `json.MarshalIndent(host, "", "    ")` writes it: 4 blanks, no line break at the end. Numbers
 * that did not change since `previous` keep their digits.
 */
export function formatHostRecord(record: HostRecordV3, previous?: string): string {
  return escapeAsGo(stringifyExactly(inOrder(record), previous, 4))
}

/** A driver's state as its own JSON text, with the digits of the `config.json` that it was read from. */
export function driverStateText(fields: JsonObject, config: string | undefined): string {
  return stringifyExactly({ Driver: fields }, config, 0).slice(DRIVER.length, -1)
}

/** What `formatHostRecord` may take for the previous record where a driver has given its state as text. */
export function recordOfState(state: string): string {
  return `${DRIVER}${state}}`
}

/** The top level in docker-machine's order; keys it does not know come last. */
function inOrder(record: HostRecordV3): JsonObject {
  const { ConfigVersion, Driver, DriverName, HostOptions, Name, ...unknown } = record
  return { ConfigVersion, Driver, DriverName, HostOptions, Name, ...unknown } as unknown as JsonObject
}
