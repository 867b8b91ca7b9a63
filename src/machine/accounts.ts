/** The accounts at providers that this store has credentials for. */
import type { DriverAccount, DriverFactory, FlagValues } from '../contracts/driver.js'
import { MachineError, toMachineError } from '../contracts/errors.js'
import type { MachineRecord } from '../contracts/record.js'
import { collectFlagValues } from '../drivers/common/flags.js'
import { driverNames } from '../drivers/registry.js'
import type { MachineContext } from './context.js'
import { isKeptFor } from '../store/secrets.js'
import { openRecord } from './open.js'
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
  const storeId = ctx.store.knownId() ?? ''
  const known = new Map<string, KnownAccount>()
  const errors: MachineError[] = []
  const add = async (
    from: string,
    make: () => Promise<readonly Omit<KnownAccount, 'from'>[]>,
  ): Promise<void> => {
    try {
      for (const made of await make()) known.set(keyOf(made), known.get(keyOf(made)) ?? { ...made, from })
    } catch (error) {
      ctx.signal.throwIfAborted()
      errors.push(toMachineError(error).prefixed(`${from}: `))
    }
  }
  const factories = await listingFactories(ctx, driver)
  for (const factory of factories) {
    for (const record of recordsOf(ctx).filter(({ config }) => config.DriverName === factory.name))
      await add(`the record of ${record.name}`, () => accountOfRecord(ctx, record, storeId))
    const taken = [...known.values()].filter((each) => each.factory === factory)
    await add(`the settings of ${factory.name}`, () =>
      accountsNow(ctx, factory, { storeId, isNamed: driver !== undefined, taken }),
    )
  }
  return { accounts: [...known.values()], errors }
}

function keyOf({ factory, account }: Omit<KnownAccount, 'from'>): string {
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
  const recorded = recordsOf(ctx).map(({ config }) => config.DriverName)
  const names = [...new Set([...driverNames(), ...recorded])]
  const loaded = await Promise.all(
    names.map(async (name) => await ctx.drivers.load(name).catch(() => undefined)),
  )
  return loaded
    .filter((factory) => factory !== undefined)
    .filter(({ capabilities }) => capabilities.inventory)
}

function recordsOf({ store }: MachineContext): readonly MachineRecord[] {
  const records = [...store.readAll(), ...store.tombstones().map(({ record }) => record)]
  return records.flatMap((record) => ('error' in record ? [] : [record]))
}

async function accountOfRecord(
  ctx: MachineContext,
  record: MachineRecord,
  storeId: string,
): Promise<readonly Omit<KnownAccount, 'from'>[]> {
  const { factory, machine } = await openRecord(ctx, record)
  return factory.capabilities.inventory ? [{ factory, account: { storeId, config: machine.config } }] : []
}

/** What a create without flags would use, and each secret that was kept for machines whose records may be lost. */
async function accountsNow(
  ctx: MachineContext,
  factory: DriverFactory,
  { storeId, isNamed, taken }: { storeId: string; isNamed: boolean; taken: readonly KnownAccount[] },
): Promise<readonly Omit<KnownAccount, 'from'>[]> {
  const secrets = factory.flags.filter(({ secret }) => secret)
  const values: Record<string, FlagValues[string]> = {
    ...collectFlagValues(factory.flags, {}, ctx.env).values,
  }
  for (const { name, key } of secrets)
    if (!values[name]) {
      const kept = await ctx.store.secrets.entry({ account: factory.name, field: key }, ctx.signal)
      if (kept) values[name] = kept.secret.reveal()
    }
  const sets = await keptSecrets(ctx, factory, taken)
  // A driver that is named may find credentials of its own (a cloud's chain).
  if (isNamed || secrets.some(({ name }) => values[name])) sets.unshift({})
  const accounts: Omit<KnownAccount, 'from'>[] = []
  for (const set of sets) {
    const given = await resolveGiven(ctx, factory, { ...values, ...set })
    const parsed = factory.parse(given.flagValues)
    if (parsed.ok) accounts.push({ factory, account: { storeId, config: parsed.config } })
    else if (isNamed && sets.length === 1) throw new MachineError('usage', parsed.faults.join('; '))
  }
  return accounts
}

/** Only where one secret is all of the credentials: which of several belong together is not known. */
async function keptSecrets(
  { store, signal }: MachineContext,
  { name, flags }: DriverFactory,
  taken: readonly KnownAccount[],
): Promise<Record<string, string>[]> {
  const [flag, ...others] = flags.filter(({ secret }) => secret)
  if (!flag || others.length > 0) return []
  const references = await store.secrets.references(signal)
  const kept = references.filter((reference) => isKeptFor(reference, { account: name, field: flag.key }))
  const values = await Promise.all(kept.map((reference) => store.secrets.resolve(reference, signal)))
  const used = taken.map(({ account }) => account.config[flag.key])
  return values.flatMap((value) => (used.includes(value.reveal()) ? [] : [{ [flag.name]: value.reveal() }]))
}
