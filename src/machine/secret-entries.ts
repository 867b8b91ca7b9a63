/** What `secret set`, `ls` and `rm` do: the store's backend as its owner sees it. No value is ever returned. */
import type { DriverFactory, FlagSpec } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { Secret, SecretRef } from '../contracts/secrets.js'
import { isEntryFor, isKeptFor } from '../store/secrets.js'
import { nearest } from '../util/nearest.js'
import type { MachineContext } from './context.js'

/** One secret by name. */
export interface SecretName {
  readonly driver: string
  /** The flag's name without the driver's: `access-token`. */
  readonly name: string
}

/** One secret as `secret ls` shows it. */
export interface SecretRow extends Partial<SecretName> {
  readonly reference: SecretRef
  /** `set`: by `secret set`, for all creates; `create`: kept for the machines that were given it; `user`: yours. */
  readonly origin: 'set' | 'create' | 'user'
  readonly machines: readonly string[]
}

/** Keeps a secret for all creates with a driver that are given none. */
export async function setSecret(ctx: MachineContext, wanted: SecretName, value: Secret): Promise<SecretRef> {
  const { factory, flag } = await secretFlag(ctx, wanted)
  return await ctx.store.secrets.save({ account: factory.name, field: flag.key }, value, ctx.signal)
}

/** Everything in the backend, and what records refer to elsewhere. */
export async function listSecrets(
  ctx: MachineContext,
  factories: readonly DriverFactory[],
): Promise<readonly SecretRow[]> {
  const uses = usesOf(ctx)
  const kept = await ctx.store.secrets.references(ctx.signal)
  const references = [...new Set([...kept, ...uses.keys()])]
  return references.map((reference) => {
    const used = uses.get(reference) ?? []
    const machines = used.map(({ machine }) => machine)
    for (const factory of factories)
      for (const flag of secretFlags(factory)) {
        const key = { account: factory.name, field: flag.key }
        const name = { driver: factory.name, name: shortName(factory, flag) }
        if (isEntryFor(reference, key)) return { ...name, reference, origin: 'set', machines }
        if (isKeptFor(reference, key)) return { ...name, reference, origin: 'create', machines }
      }
    if (!kept.includes(reference)) return { reference, origin: 'user', machines }
    const [{ driver, field } = {}] = used
    const name = driver === undefined || field === undefined ? {} : { driver, name: dashed(field) }
    return { ...name, reference, origin: 'create', machines }
  })
}

/**
 * Forgets the secret of a name. @throws MachineError `not-found`, or `exists` while machines refer to it
 */
export async function removeSecret(
  ctx: MachineContext,
  wanted: SecretName,
  { force }: { readonly force: boolean },
): Promise<SecretRef> {
  const { factory, flag } = await secretFlag(ctx, wanted)
  const found = await ctx.store.secrets.entry({ account: factory.name, field: flag.key }, ctx.signal)
  if (!found)
    throw new MachineError('not-found', `No secret ${wanted.driver} ${wanted.name} is set`, {
      hints: ['See which there are: tsmachine secret ls'],
    })
  const machines = (usesOf(ctx).get(found.reference) ?? []).map(({ machine }) => machine)
  if (machines.length > 0 && !force)
    throw new MachineError(
      'exists',
      `Machines use the secret ${wanted.driver} ${wanted.name}: ${machines.join(', ')}`,
      {
        hints: [
          `Give it another value: tsmachine secret set ${wanted.driver} ${wanted.name}`,
          'Or remove it all the same (-f); their commands then need the variable.',
        ],
      },
    )
  await ctx.store.secrets.erase(found.reference, ctx.signal)
  return found.reference
}

/** Forgets what creates have kept for machines that are all gone. */
export async function removeUnused(
  ctx: MachineContext,
  factories: readonly DriverFactory[],
): Promise<readonly SecretRef[]> {
  const rows = await listSecrets(ctx, factories)
  const unused = rows.filter(({ origin, machines }) => origin === 'create' && machines.length === 0)
  for (const { reference } of unused) await ctx.store.secrets.erase(reference, ctx.signal)
  return unused.map(({ reference }) => reference)
}

/** A machine's use of a secret; a driver that is named by its path, or is gone, is known from here alone. */
interface SecretUse {
  readonly machine: string
  readonly driver: string
  readonly field: string
}

/** Uses by reference; what `rm -f` gave up on counts, as `gc` needs a way in. */
function usesOf(ctx: MachineContext): ReadonlyMap<SecretRef, readonly SecretUse[]> {
  const uses = new Map<SecretRef, SecretUse[]>()
  const records = [...ctx.store.readAll(), ...ctx.store.tombstones().map(({ record }) => record)]
  for (const { name, ledger } of records)
    for (const [field, reference] of Object.entries(ledger?.secrets ?? {})) {
      const use = { machine: name, driver: ledger?.driver.name ?? '', field }
      uses.set(reference, [...(uses.get(reference) ?? []), use])
    }
  return uses
}

async function secretFlag(
  ctx: MachineContext,
  { driver, name }: SecretName,
): Promise<{ readonly factory: DriverFactory; readonly flag: FlagSpec }> {
  const factory = await ctx.drivers.load(driver)
  const names = secretFlags(factory).map((flag) => shortName(factory, flag))
  const flag = secretFlags(factory).find((each) => [shortName(factory, each), each.name].includes(name))
  if (flag) return { factory, flag }
  const near = nearest(name, names)
  throw new MachineError('usage', `The ${driver} driver has no secret "${name}"`, {
    hints: [
      ...(near === undefined ? [] : [`Did you mean ${near}?`]),
      names.length > 0 ? `Its secrets: ${names.join(', ')}` : 'It has none.',
    ],
  })
}

function secretFlags({ flags }: DriverFactory): readonly FlagSpec[] {
  return flags.filter(({ secret }) => secret)
}

function shortName({ name }: DriverFactory, flag: FlagSpec): string {
  return flag.name.startsWith(`${name}-`) ? flag.name.slice(name.length + 1) : flag.name
}

/** A config key as flags are written: `access-token`. */
function dashed(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
