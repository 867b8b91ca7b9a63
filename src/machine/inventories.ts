import type { JsonObject } from '../contracts/json.js'
import type { MachineError } from '../contracts/errors.js'
import { isApiError } from '../drivers/common/api/errors.js'
import { mapBounded } from '../util/bounded.js'
import { withDeadline } from '../util/wait.js'
import { type KnownAccount, notAsked } from './accounts.js'
import type { MachineContext } from './context.js'
import type { Leftover } from './leftovers.js'

const PLACES_MS = 60_000
const LIST_MS = 120_000
const AT_ONCE = 8

/** An account in a part of its provider (a region) that has an inventory of its own. */
export interface AccountPlace extends KnownAccount {
  /** Equal keys have equal inventories. */
  readonly key: string
  /** For texts: the driver, with the part of its provider. */
  readonly place: string
  /** Settings or a record name it; others are known from the provider. */
  readonly isNamed: boolean
}

export interface Inventories {
  readonly all: readonly Leftover[]
  readonly places: readonly string[]
  /** Places that no settings name and that the provider closes to the account: nothing of ours can be there. */
  readonly closed: readonly string[]
  readonly errors: readonly MachineError[]
}

/** Everything with our tags at these accounts, in all regions that they have, and what could not be asked. */
export async function inventories(
  ctx: MachineContext,
  accounts: readonly KnownAccount[],
): Promise<Inventories> {
  const expanded = await mapBounded(accounts, AT_ONCE, async (account) => await placesOf(ctx, account))
  const places = merged(expanded.flat()).toSorted((a, b) => Number(b.isNamed) - Number(a.isNamed))
  const listed = await mapBounded(places, AT_ONCE, async (at) => await inventoryOf(ctx, at))
  return {
    all: unique(listed.flatMap(({ found }) => found ?? [])),
    places: names(listed.flatMap(({ at, found }) => (found ? [at.place] : []))),
    closed: names(listed.flatMap(({ at, isClosed }) => (isClosed ? [at.place] : []))),
    errors: listed.flatMap(({ error }) => error ?? []),
  }
}

function names(places: readonly string[]): readonly string[] {
  return [...new Set(places)].sort()
}

/** The account's own place first. One that cannot be asked for others is looked at alone, and tells then what is wrong. */
async function placesOf(ctx: MachineContext, known: KnownAccount): Promise<readonly AccountPlace[]> {
  const { factory, account } = known
  const own = { key: ownKey(known), config: account.config }
  const driver = await factory.open(ctx.driverDeps)
  const found = await withDeadline(
    `the regions of ${factory.name}`,
    PLACES_MS,
    async (signal) => (await driver.places?.(account, signal)) ?? [own],
    { signal: ctx.signal, clock: ctx.clock },
  ).catch(() => {
    ctx.signal.throwIfAborted()
    return [own]
  })
  return found.map(({ key, config }, index) => ({
    ...known,
    account: { ...account, config },
    key: `${factory.name} ${key}`,
    place: placeText(known, config),
    isNamed: index === 0,
  }))
}

function ownKey({ account }: KnownAccount): string {
  return JSON.stringify(Object.entries(account.config).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function placeText({ factory }: KnownAccount, config: JsonObject): string {
  const place = factory.inventoryPlace?.(config)
  return place ? `${factory.name} ${place}` : factory.name
}

/** The latest settings of each place, with where its credentials were found first. */
function merged(places: readonly AccountPlace[]): readonly AccountPlace[] {
  const byKey = new Map<string, AccountPlace>()
  for (const each of places) {
    const { from, isNamed } = byKey.get(each.key) ?? each
    byKey.set(each.key, { ...each, from, isNamed: isNamed || each.isNamed })
  }
  return [...byKey.values()]
}

interface Listed {
  readonly at: AccountPlace
  readonly found?: readonly Leftover[]
  readonly isClosed?: boolean
  readonly error?: MachineError
}

async function inventoryOf(ctx: MachineContext, at: AccountPlace): Promise<Listed> {
  const { factory, account, from, place, isNamed } = at
  try {
    const driver = await factory.open(ctx.driverDeps)
    const found = await withDeadline(
      `the inventory of ${place}`,
      LIST_MS,
      async (signal) => (await driver.inventory?.(account, signal)) ?? [],
      { signal: ctx.signal, clock: ctx.clock },
    )
    return { at, found: found.map((each) => ({ found: each, at })) }
  } catch (error) {
    ctx.signal.throwIfAborted()
    if (!isNamed && isApiError(error) && error.fate === 'refused') return { at, isClosed: true }
    return { at, error: notAsked(`${place} (${from})`, error) }
  }
}

/** Two sets of settings may be of one account, and an endpoint may know no regions: named places come first. */
function unique(all: readonly Leftover[]): readonly Leftover[] {
  const key = ({ found, at }: Leftover): string =>
    JSON.stringify([at.factory.name, found.resource.kind, found.resource.id, found.createdAt])
  const known = new Map<string, Leftover>()
  for (const each of all) if (!known.has(key(each))) known.set(key(each), each)
  return [...known.values()]
}
