import type { HostRecordV3, Json, JsonObject } from '../contracts/record.js'

/** What stands in place of a secret. */
export const MASK = '[secret]'

/** Ends of the names under which docker-machine's drivers keep secrets in clear, lower case, without separators. */
const SECRET_ENDINGS = [
  'password',
  'passwd',
  'secret',
  'secretkey',
  'token',
  'apikey',
  'privatekey',
  'credential',
  'credentials',
]

/**
 * A record that can be shown: secret driver fields (those the driver says, and those docker-machine's drivers are known
 * for) are masked. Empty ones stay empty, so one sees that there is none.
 */
export function maskSecrets(config: HostRecordV3, secretFields: readonly string[] = []): HostRecordV3 {
  const said = new Set(secretFields.map((name) => name.toLowerCase()))
  const isSecret = (key: string): boolean => said.has(key.toLowerCase()) || looksSecret(key)
  return { ...config, Driver: maskObject(config.Driver, isSecret) }
}

/** Engine choices that can be shown: passwords in URLs (proxies, mirrors) and variables named as secrets are masked. */
export function maskChoices<T>(choices: T): T {
  const text = JSON.stringify(choices, (_key, value: unknown) =>
    typeof value === 'string' ? maskAssignment(value.replace(USERINFO, `//${MASK}@`)) : value,
  )
  return JSON.parse(text) as T
}

const USERINFO = /\/\/[^/@\s]+@/g

function maskAssignment(text: string): string {
  const [, name] = /^([A-Za-z_][A-Za-z0-9_]*)=./.exec(text) ?? []
  return name !== undefined && looksSecret(name) ? `${name}=${MASK}` : text
}

function looksSecret(key: string): boolean {
  const plain = key.toLowerCase().replace(/[-_]/g, '')
  return SECRET_ENDINGS.some((ending) => plain.endsWith(ending))
}

function maskObject(value: JsonObject, isSecret: (key: string) => boolean): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecret(key) ? hide(inner) : mask(inner, isSecret)]),
  )
}

function mask(value: Json, isSecret: (key: string) => boolean): Json {
  if (Array.isArray(value)) return value.map((inner: Json) => mask(inner, isSecret))
  return isObject(value) ? maskObject(value, isSecret) : value
}

function hide(value: Json): Json {
  return value === '' || value === null || typeof value === 'boolean' ? value : MASK
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
