import type { FlagSpec, JsonObject, RecordMapping } from '../../../contracts/driver.js'

/**
 * How machines of a package look in `config.json`: a field for each setting that is no secret, and the server's id. They
 * are for readers; what counts is our own record.
 */
export function standardRecord(flags: readonly FlagSpec[]): RecordMapping {
  const shown = flags.filter(({ secret }) => !secret)
  return {
    toFields: (config, resources) => ({
      ...Object.fromEntries(
        shown.flatMap(({ key }) => (config[key] === undefined ? [] : [[fieldName(key), config[key]]])),
      ),
      MachineId: resources.find(({ kind }) => kind === 'server')?.id ?? '',
    }),
    fromFields: (fields, previous) => ({
      config: previous?.config ?? configOf(shown, fields),
      resources: previous?.resources ?? [],
    }),
  }
}

function configOf(flags: readonly FlagSpec[], fields: JsonObject): JsonObject {
  const given = flags.filter(({ key }) => fields[fieldName(key)] !== undefined)
  return Object.fromEntries(given.map(({ key }) => [key, fields[fieldName(key)] ?? null]))
}

function fieldName(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1)
}
