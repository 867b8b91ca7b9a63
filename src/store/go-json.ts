import type { HostRecordV3, JsonObject } from '../contracts/record.js'
import { stringifyExactly } from './exact-numbers.js'

/** Characters that Go's encoder escapes although JSON does not ask for it. */
const GO_ESCAPES = /[<>&\u2028\u2029]/g

/**
 * `config.json` as Go's `json.MarshalIndent(host, "", "    ")` writes it: 4 blanks, no line break at the end. Numbers
 * that did not change since `previous` keep their digits.
 */
export function formatHostRecord(record: HostRecordV3, previous?: string): string {
  return stringifyExactly(inOrder(record), previous, 4).replace(
    GO_ESCAPES,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The top level in docker-machine's order; keys it does not know come last. */
function inOrder(record: HostRecordV3): JsonObject {
  const { ConfigVersion, Driver, DriverName, HostOptions, Name, ...unknown } = record
  return { ConfigVersion, Driver, DriverName, HostOptions, Name, ...unknown } as unknown as JsonObject
}
