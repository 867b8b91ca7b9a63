import { type MachineError, toMachineError } from '../contracts/errors.js'
import { mapBounded } from '../util/bounded.js'
import { withDeadline } from '../util/wait.js'
import type { KnownAccount } from './accounts.js'
import type { MachineContext } from './context.js'
import type { Leftover } from './leftovers.js'

const LIST_MS = 120_000
const AT_ONCE = 4

/** Everything with our tags at these accounts, and those that could not be asked. */
export async function inventories(
  ctx: MachineContext,
  accounts: readonly KnownAccount[],
): Promise<{ readonly all: readonly Leftover[]; readonly errors: readonly MachineError[] }> {
  const listed = await mapBounded(accounts, AT_ONCE, async (at) => await inventoryOf(ctx, at))
  return {
    all: unique(listed.flatMap((each) => ('found' in each ? each.found : []))),
    errors: listed.flatMap((each) => ('error' in each ? [each.error] : [])),
  }
}

type Listed = { readonly found: readonly Leftover[] } | { readonly error: MachineError }

async function inventoryOf(ctx: MachineContext, at: KnownAccount): Promise<Listed> {
  const { factory, account, from } = at
  try {
    const driver = await factory.open(ctx.driverDeps)
    const found = await withDeadline(
      `the inventory of ${factory.name}`,
      LIST_MS,
      async (signal) => (await driver.inventory?.(account, signal)) ?? [],
      { signal: ctx.signal, clock: ctx.clock },
    )
    return { found: found.map((each) => ({ found: each, at })) }
  } catch (error) {
    ctx.signal.throwIfAborted()
    return { error: toMachineError(error).prefixed(`${factory.name} (${from}): `) }
  }
}

/** Two sets of settings may be of one account. */
function unique(all: readonly Leftover[]): readonly Leftover[] {
  const key = ({ found, at }: Leftover): string =>
    JSON.stringify([at.factory.name, found.resource.kind, found.resource.id, found.createdAt])
  return [...new Map(all.map((each) => [key(each), each])).values()]
}
