import type { FlagSpec, FlagValues, Json, JsonObject } from '../../contracts/driver.js'
import { looksSecret } from '../../util/secret-names.js'

/** Shorter values may be in any field. */
const SHORTEST = 4

/**
 * Keys of a plugin's state that hold what was given by a flag whose name or variable is that of a secret. Plugins do not
 * say which of their fields are secret, and call them as they like.
 */
export function secretKeys(state: JsonObject, flags: readonly FlagSpec[], values: FlagValues): string[] {
  const secrets = flags
    .filter(isSecretFlag)
    .map(({ name }) => values[name])
    .filter((value) => typeof value === 'string' && value.length >= SHORTEST)
  return [...new Set(keysWith(state, new Set(secrets)))]
}

/** A plugin does not say which of its flags are secret. */
export function isSecretFlag({ name, env = '' }: FlagSpec): boolean {
  return looksSecret(name) || looksSecret(env)
}

function keysWith(value: Json, secrets: ReadonlySet<unknown>, key = ''): string[] {
  if (typeof value === 'string') return key !== '' && secrets.has(value) ? [key] : []
  if (typeof value !== 'object' || value === null) return []
  const inner = Array.isArray(value)
    ? value.map((each: Json) => [key, each] as const)
    : Object.entries(value as JsonObject)
  return inner.flatMap(([name, each]) => keysWith(each, secrets, name))
}
