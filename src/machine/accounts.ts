/** The accounts at providers that this store has credentials for. */
import type { DriverAccount, DriverFactory, FlagSpec, FlagValues, JsonObject } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { MachineRecord } from '../contracts/record.js'
import type { SecretRef } from '../contracts/secrets.js'
import { collectFlagValues } from '../drivers/common/flags.js'
import { driverNames } from '../drivers/registry.js'
import type { MachineContext } from './context.js'
import { isKeptFor } from '../store/secrets.js'
import { openRecord, recordedDriver } from './open.js'
import { partFailure } from './part-failure.js'
import { resolveGiven } from './secrets.js'

/** One account of a driver that can say what exists there. */
export interface KnownAccount {
  readonly factory: DriverFactory
  readonly account: DriverAccount
  /** Where its credentials come from, for texts. */
  readonly from: string
}

export interface KnownAccounts {
  readonly accounts: readonly KnownAccount[]
  /** Credentials that cannot be had. */
  readonly errors: readonly MachineError[]
}

/**
 * Accounts of the records (and of what `rm -f` gave up on), of the variables that are set now, and of the secret backend.
 * @throws MachineError `usage` for a driver that is named and cannot list what exists
 */
export async function knownAccounts(ctx: MachineContext, driver?: string): Promise<KnownAccounts> {
  const known = new Map<string, KnownAccount>()
  const errors: MachineError[] = []
  const add = async (factory: DriverFactory, { from, config }: Source): Promise<void> => {
    try {
      const found = await config()
      if (!found) return
      const made = { factory, account: { storeId: ctx.store.knownId() ?? '', config: found }, from }
      known.set(keyOf(made), known.get(keyOf(made)) ?? made)
    } catch (error) {
      ctx.signal.throwIfAborted()
      errors.push(notAsked(from, error))
    }
  }
  for (const factory of await listingFactories(ctx, driver)) {
    for (const record of recordsOf(ctx).filter((record) => recordedDriver(record) === factory.name))
      await add(factory, { from: `the record of ${record.name}`, config: () => configOf(ctx, record) })
    const taken = [...known.values()].filter((each) => each.factory === factory)
    const sources = await sourcesNow(ctx, factory, { isNamed: driver !== undefined, taken }).catch(
      (error: unknown): readonly Source[] => {
        ctx.signal.throwIfAborted()
        errors.push(notAsked(`the settings of ${factory.name}`, error))
        return []
      },
    )
    for (const source of sources) await add(factory, source)
  }
  return { accounts: [...known.values()], errors }
}

/** One account that is left out does not stop the others. */
export function notAsked(account: string, error: unknown): MachineError {
  return partFailure(error, `Not asked: ${account}: `)
}

/** Where the settings and credentials of an account come from. */
interface Source {
  readonly from: string
  /** Undefined where there are none. */
  readonly config: () => Promise<JsonObject | undefined>
}

function keyOf({ factory, account }: KnownAccount): string {
  const entries = Object.entries(account.config).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([factory.name, entries])
}

/** Drivers with an inventory: built-in ones, and those of the records. */
async function listingFactories(ctx: MachineContext, driver?: string): Promise<readonly DriverFactory[]> {
  if (driver !== undefined) {
    const factory = await ctx.drivers.load(driver)
    if (factory.capabilities.inventory) return [factory]
    throw new MachineError('usage', `The ${driver} driver cannot say what exists at its provider`)
  }
  const recorded = recordsOf(ctx).map(recordedDriver)
  const names = [...new Set([...driverNames(), ...recorded])]
  const loaded = await Promise.all(
    names.map(async (name) => await ctx.drivers.load(name, 'recorded').catch(() => undefined)),
  )
  return loaded
    .filter((factory) => factory !== undefined)
    .filter(({ capabilities }) => capabilities.inventory)
}

function recordsOf({ store }: MachineContext): readonly MachineRecord[] {
  const records = [...store.readAll(), ...store.tombstones().map(({ record }) => record)]
  return records.flatMap((record) => ('error' in record ? [] : [record]))
}

async function configOf(ctx: MachineContext, record: MachineRecord): Promise<JsonObject | undefined> {
  const { factory, machine } = await openRecord(ctx, record)
  return factory.capabilities.inventory ? machine.config : undefined
}

/** What a create without flags would use, and each secret that was kept for machines whose records may be lost. */
async function sourcesNow(
  ctx: MachineContext,
  factory: DriverFactory,
  { isNamed, taken }: { isNamed: boolean; taken: readonly KnownAccount[] },
): Promise<readonly Source[]> {
  const secrets = factory.flags.filter(({ secret }) => secret)
  const values: Record<string, FlagValues[string]> = {
    ...collectFlagValues(factory.flags, {}, ctx.env).values,
  }
  for (const { name, key } of secrets)
    if (!values[name]) {
      const kept = await ctx.store.secrets.entry({ account: factory.name, field: key }, ctx.signal)
      if (kept) values[name] = kept.secret.reveal()
    }
  const configWith = async (more: FlagValues): Promise<JsonObject> => {
    const given = await resolveGiven(ctx, factory, { ...values, ...more })
    const parsed = factory.parse(given.flagValues)
    if (parsed.ok) return parsed.config
    throw new MachineError('usage', parsed.faults.join('; '))
  }
  const kept = await keptSecrets(ctx, factory)
  const sources = kept.map(({ flag, reference }) => ({
    from: `the secret ${reference}`,
    async config() {
      const value = (await ctx.store.secrets.resolve(reference, ctx.signal)).reveal()
      const isTaken = taken.some(({ account }) => account.config[flag.key] === value)
      return isTaken ? undefined : await configWith({ [flag.name]: value })
    },
  }))
  const areGiven = secrets.some(({ name }) => values[name]) || factory.hasCredentials?.(values, ctx.env)
  // Without any, a driver that is named may find credentials of its own (a cloud's chain), or says what is missing.
  if (areGiven || (isNamed && sources.length + taken.length === 0))
    sources.unshift({ from: `the settings of ${factory.name}`, config: () => configWith({}) })
  return sources
}

/** Only where one secret is all of the credentials: which of several belong together is not known. */
async function keptSecrets(
  { store, signal }: MachineContext,
  { name, flags }: DriverFactory,
): Promise<readonly { readonly flag: FlagSpec; readonly reference: SecretRef }[]> {
  const [flag, ...others] = flags.filter(({ secret }) => secret)
  if (!flag || others.length > 0) return []
  const references = await store.secrets.references(signal)
  return references
    .filter((reference) => isKeptFor(reference, { account: name, field: flag.key }))
    .map((reference) => ({ flag, reference }))
}
