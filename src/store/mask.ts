import type { HostRecordV3, Json, JsonObject } from '../contracts/record.js'
import { MASK, maskUserinfo } from '../util/redact.js'
import { looksSecret } from '../util/secret-names.js'

/** What these drivers keep besides: user data may hold anything. */
const SECRET_FIELDS: Readonly<Record<string, readonly string[]>> = {
  exoscale: ['UserData'],
  openstack: ['UserData'],
  rackspace: ['UserData'],
}

/**
 * A record that can be shown: secret driver fields (those the driver says, and those docker-machine's drivers are known
 * for) are masked, and passwords in URLs. Empty ones stay empty, so one sees that there is none.
 */
export function maskSecrets(config: HostRecordV3, secretFields: readonly string[] = []): HostRecordV3 {
  return { ...config, Driver: maskObject(config.Driver, secretTest(config.DriverName, secretFields)) }
}

/** The values that `maskSecrets` masks, for those who look for them elsewhere. */
export function secretValues(
  { DriverName, Driver }: Pick<HostRecordV3, 'DriverName' | 'Driver'>,
  secretFields: readonly string[] = [],
): readonly string[] {
  const isSecret = secretTest(DriverName, secretFields)
  const within = (value: Json, hidden: boolean): readonly string[] => {
    if (typeof value === 'string') return hidden && value !== '' ? [value] : []
    if (Array.isArray(value)) return value.flatMap((inner: Json) => within(inner, hidden))
    if (!isObject(value)) return []
    return Object.entries(value).flatMap(([key, inner]) => within(inner, hidden || isSecret(key)))
  }
  return within(Driver, false)
}

function secretTest(driver: string, secretFields: readonly string[]): (key: string) => boolean {
  const known = Object.hasOwn(SECRET_FIELDS, driver) ? SECRET_FIELDS[driver] : undefined
  const said = new Set([...secretFields, ...(known ?? [])].map((name) => name.toLowerCase()))
  return (key) => said.has(key.toLowerCase()) || looksSecret(key)
}

/** Engine choices that can be shown: passwords in URLs (proxies, mirrors) and variables named as secrets are masked. */
export function maskChoices<T>(choices: T): T {
  const text = JSON.stringify(choices, (_key, value: unknown) =>
    typeof value === 'string' ? maskAssignment(maskUserinfo(value)) : value,
  )
  return JSON.parse(text) as T
}

function maskAssignment(text: string): string {
  const [, name] = /^([A-Za-z_][A-Za-z0-9_]*)=./.exec(text) ?? []
  return name !== undefined && looksSecret(name) ? `${name}=${MASK}` : text
}

function maskObject(value: JsonObject, isSecret: (key: string) => boolean): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecret(key) ? hide(inner) : mask(inner, isSecret)]),
  )
}

function mask(value: Json, isSecret: (key: string) => boolean): Json {
  if (typeof value === 'string') return maskUserinfo(value)
  if (Array.isArray(value)) return value.map((inner: Json) => mask(inner, isSecret))
  return isObject(value) ? maskObject(value, isSecret) : value
}

function hide(value: Json): Json {
  return value === '' || value === null || typeof value === 'boolean' ? value : MASK
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
