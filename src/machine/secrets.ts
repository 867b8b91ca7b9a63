/** Secrets among a driver's settings: the record holds references, only the driver is given the values. */
import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import type { DriverFactory, FlagSpec, FlagValues } from '../contracts/driver.js'
import type { JsonObject } from '../contracts/json.js'
import { MachineError } from '../contracts/errors.js'
import type { LedgerRecord } from '../contracts/record.js'
import { Secret, type SecretRef } from '../contracts/secrets.js'
import { isReference } from '../store/secret-reference.js'
import type { MachineContext } from './context.js'

/** Values by config key. */
export type SecretValues = Readonly<Record<string, Secret>>

export const NO_SECRETS: SecretValues = {}

/** What a create was given as secrets, by config key: in place of a value there may be a reference to one. */
export interface GivenSecrets {
  readonly values: SecretValues
  readonly references: Readonly<Record<string, SecretRef>>
}

/**
 * Flag values with what references stand for, and which of them were references. Where none of the driver's secrets is
 * given, those count that `secret set` has kept for it.
 */
export async function resolveGiven(
  ctx: MachineContext,
  factory: DriverFactory,
  flagValues: FlagValues,
): Promise<{ readonly flagValues: FlagValues; readonly references: GivenSecrets['references'] }> {
  const given = secretFlags(factory).some(({ name }) => isGiven(flagValues[name]))
  return given ? await resolveFlags(ctx, factory, flagValues) : await setSecrets(ctx, factory, flagValues)
}

function isGiven(value: FlagValues[string]): value is string {
  return typeof value === 'string' && value !== ''
}

async function resolveFlags(
  ctx: MachineContext,
  factory: DriverFactory,
  flagValues: FlagValues,
): ReturnType<typeof resolveGiven> {
  const resolved: Record<string, FlagValues[string]> = { ...flagValues }
  const references: Record<string, SecretRef> = {}
  for (const flag of secretFlags(factory)) {
    const text = flagValues[flag.name]
    if (!isGiven(text) || !isReference(text)) continue
    references[flag.key] = text
    resolved[flag.name] = (await ctx.store.secrets.resolve(text, ctx.signal)).reveal()
  }
  return { flagValues: resolved, references }
}

async function setSecrets(
  ctx: MachineContext,
  factory: DriverFactory,
  flagValues: FlagValues,
): ReturnType<typeof resolveGiven> {
  const resolved: Record<string, FlagValues[string]> = { ...flagValues }
  const references: Record<string, SecretRef> = {}
  for (const flag of secretFlags(factory)) {
    const entry = await ctx.store.secrets.entry({ account: factory.name, field: flag.key }, ctx.signal)
    if (!entry) continue
    references[flag.key] = entry.reference
    resolved[flag.name] = entry.secret.reveal()
  }
  return { flagValues: resolved, references }
}

/** Takes the secrets out of a parsed config, so that what remains can be recorded. */
export function splitSecrets(
  factory: DriverFactory,
  config: JsonObject,
): { readonly config: JsonObject; readonly values: SecretValues } {
  const keys = new Set(secretFlags(factory).map(({ key }) => key))
  const entries = Object.entries(config)
  const values = entries.flatMap(([key, value]) =>
    keys.has(key) && typeof value === 'string' && value !== '' ? [[key, new Secret(value)] as const] : [],
  )
  return {
    config: Object.fromEntries(entries.filter(([key]) => !keys.has(key))),
    values: Object.fromEntries(values),
  }
}

/** Where a value that was given stays: in the store's backend, in docker-machine's record, or with the user alone. */
export type SecretPlace = 'backend' | 'record' | 'nowhere'

/** What a machine's two records hold of its secrets. */
export interface KeptSecrets {
  readonly references: LedgerRecord['secrets']
  /** docker-machine's fields with the values in clear. */
  readonly fields: JsonObject
}

/**
 * Keeps given secrets. In the backend machines that were given the same value share one entry; another account's value
 * never replaces it. References stay what they are, wherever values go.
 */
export async function keepSecrets(
  ctx: MachineContext,
  factory: DriverFactory,
  { values, references }: GivenSecrets,
  place: SecretPlace = 'backend',
): Promise<KeptSecrets> {
  const own = Object.entries(values).filter(([field]) => references[field] === undefined)
  if (place === 'record') return { references, fields: recordFields(factory, own) }
  const kept: Record<string, SecretRef> = { ...references }
  if (place === 'backend')
    for (const [field, secret] of own) {
      const account = `${factory.name}/${await fingerprint(ctx, secret)}`
      kept[field] = await ctx.store.secrets.save({ account, field }, secret, ctx.signal)
    }
  return { references: kept, fields: {} }
}

function recordFields(factory: DriverFactory, values: readonly (readonly [string, Secret])[]): JsonObject {
  const fields = factory.record.secretFields ?? {}
  return Object.fromEntries(values.map(([key, secret]) => [fields[key] ?? key, secret.reveal()]))
}

/**
 * @throws MachineError `usage` where docker-machine's record has no field for a secret that would go there, or where a
 *   driver keeps its secrets itself
 */
export function refusePlace(factory: DriverFactory, values: SecretValues, place?: SecretPlace): void {
  if (place === 'nowhere' && factory.record.unread)
    throw new MachineError(
      'usage',
      `--no-save-secret: the ${factory.name} plugin keeps its settings itself`,
      {
        hints: [
          'It writes them, secrets among them, into config.json (0600). Create it without --no-save-secret.',
        ],
      },
    )
  const fields = factory.record.secretFields ?? {}
  const homeless = Object.keys(values).find((key) => fields[key] === undefined)
  if (place !== 'record' || homeless === undefined) return
  const flag = factory.flags.find(({ key }) => key === homeless)?.name ?? homeless
  throw new MachineError('usage', `docker-machine's record has no field for --${flag} of ${factory.name}`, {
    hints: ['Create it without --store-secrets=record.'],
  })
}

/** Which secrets of a machine count: those of variables before each recorded one, or the record alone where it has any. */
export type SecretsOrder = 'variables-first' | 'record-first'

/**
 * The secrets of a recorded machine: a variable that is set now counts before what its create was given (but for who
 * removes: `record-first`), and that before what docker-machine wrote into the record (`fields`).
 * @throws MachineError `preflight` naming a reference that leads nowhere
 */
export async function recordedSecrets(
  ctx: MachineContext,
  factory: DriverFactory,
  ledger: LedgerRecord,
  fields: JsonObject,
  order: SecretsOrder = 'variables-first',
): Promise<SecretValues> {
  const values: Record<string, Secret> = { ...writtenSecrets(factory, fields) }
  const isRecorded = Object.keys({ ...values, ...ledger.secrets }).length > 0
  // All or none: half a pair from elsewhere opens nothing.
  const env = order === 'record-first' && isRecorded ? {} : ctx.env
  for (const { key, env: variable = '' } of secretFlags(factory)) {
    const now = env[variable] ?? ''
    const reference = isReference(now) ? now : ledger.secrets[key]
    if (now !== '' && !isReference(now)) values[key] = new Secret(now)
    else if (reference !== undefined) values[key] = await ctx.store.secrets.resolve(reference, ctx.signal)
  }
  return values
}

/** What docker-machine has written into its record in clear text. */
function writtenSecrets({ record }: DriverFactory, fields: JsonObject): SecretValues {
  const written = Object.entries(record.secretFields ?? {}).flatMap(([key, field]) => {
    const value = fields[field]
    return typeof value === 'string' && value !== '' ? [[key, new Secret(value)] as const] : []
  })
  return Object.fromEntries(written)
}

export function sameSecrets(a: SecretValues, b: SecretValues): boolean {
  const keys = Object.keys({ ...a, ...b })
  return keys.every((key) => a[key]?.reveal() === b[key]?.reveal())
}

/** Names of the variables that are set and hold a secret of the driver. */
export function secretVariables(ctx: MachineContext, factory: DriverFactory): readonly string[] {
  return secretFlags(factory).flatMap(({ env = '' }) => (ctx.env[env] ? [env] : []))
}

/** A config as its driver needs it. Never recorded, never shown. */
export function withSecrets(config: JsonObject, secrets: SecretValues): JsonObject {
  const clear = Object.entries(secrets).map(([key, secret]) => [key, secret.reveal()] as const)
  return { ...config, ...Object.fromEntries(clear) }
}

function secretFlags(factory: DriverFactory): readonly FlagSpec[] {
  return factory.flags.filter(({ secret }) => secret)
}

/** Names a value without telling it: slow to guess from, and of use in this store only. */
async function fingerprint(ctx: MachineContext, secret: Secret): Promise<string> {
  const hash = (await promisify(scrypt)(secret.reveal(), await ctx.store.id(), 8)) as Buffer
  return hash.toString('hex')
}
