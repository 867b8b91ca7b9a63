import type { DriverFactory } from '../contracts/driver.js'
import type { Json, JsonObject } from '../contracts/json.js'
import type { MachineRecord } from '../contracts/record.js'
import type { MachineContext } from './context.js'

const MASK = '[secret]'
/** Fields of docker-machine's drivers that hold secrets: records made by it are shown too. */
const SECRET_FIELD = /(password|passwd|secret|token|apikey|api_key|accesskey|private_?key$)/i
/** Not secrets although the name looks so: paths and ids that people read. */
const HARMLESS = new Set(['CaPrivateKeyPath', 'SSHKeyPath', 'ServerKeyPath', 'ClientKeyPath'])

/**
 * The record as docker-machine shows it (its `config.json`, secrets masked), and under `Tsmachine` what only we know.
 * Reads the record and nothing else.
 */
export async function inspectMachine(ctx: MachineContext, name: string): Promise<JsonObject> {
  const record = ctx.store.get(name)
  const secrets = await secretKeys(ctx, record)
  const shown = { ...record.config, Driver: mask(record.config.Driver, secrets) } as unknown as JsonObject
  return record.ledger
    ? { ...shown, Tsmachine: ledgerView(record, secrets), HostKey: hostKeyView(record) }
    : shown
}

/** Config keys that the driver itself declares secret; a driver that is not here adds none. */
async function secretKeys(ctx: MachineContext, record: MachineRecord): Promise<ReadonlySet<string>> {
  const factory: DriverFactory | undefined = await ctx.drivers
    .load(record.config.DriverName)
    .catch(() => undefined)
  const flags = factory?.flags.filter((flag) => flag.secret) ?? []
  return new Set(flags.flatMap((flag) => [flag.key.toLowerCase()]))
}

function mask(value: Json, secrets: ReadonlySet<string>, key = ''): Json {
  if (isSecret(key, secrets) && value !== '' && value !== null) return MASK
  if (Array.isArray(value)) return value.map((item: Json) => mask(item, secrets))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([name, item]) => [name, mask(item, secrets, name)]),
  )
}

function isSecret(key: string, secrets: ReadonlySet<string>): boolean {
  return secrets.has(key.toLowerCase()) || (SECRET_FIELD.test(key) && !HARMLESS.has(key))
}

function ledgerView(record: MachineRecord, secrets: ReadonlySet<string>): Json {
  return mask(JSON.parse(JSON.stringify(record.ledger)) as Json, secrets)
}

function hostKeyView(record: MachineRecord): Json {
  const keys = record.ledger?.hostKeys
  return keys ? { Source: keys.source, Key: keys.current, Rotated: keys.rotated } : null
}
