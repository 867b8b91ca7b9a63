import type { HostRecordV3 } from '../contracts/record.js'

/** Characters that Go's encoder escapes although JSON does not ask for it. */
const GO_ESCAPES = /[<>&\u2028\u2029]/g

/** `config.json` as Go's `json.MarshalIndent(host, "", "    ")` writes it: 4 blanks, no line break at the end. */
export function formatHostRecord(record: HostRecordV3): string {
  return JSON.stringify(inOrder(record), null, 4).replace(
    GO_ESCAPES,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The top level in docker-machine's order; keys it does not know come last. */
function inOrder(record: HostRecordV3): object {
  const { ConfigVersion, Driver, DriverName, HostOptions, Name, ...unknown } = record
  return { ConfigVersion, Driver, DriverName, HostOptions, Name, ...unknown }
}
