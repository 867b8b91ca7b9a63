/** How a survey of leftovers is told. */
import { type Survey, type Swept, YOUNGEST_MS } from '../machine/gc.js'
import type { MachineContext } from '../machine/context.js'
import { type Leftover, tagsOf } from '../machine/leftovers.js'
import type { Tombstone } from '../store/store.js'
import type { LeftoverRow } from '../ui/leftovers.js'
import { shortDuration } from '../util/duration.js'

/** Rows of what would be removed. */
export function surveyRows({ leftovers, tombstones }: Survey): readonly LeftoverRow[] {
  return [...tombstones.map(tombstoneRow), ...leftovers.map(leftoverRow)]
}

export function sweptRows({ removed, forgotten }: Swept): readonly LeftoverRow[] {
  return [...forgotten.map(tombstoneRow), ...removed.map(leftoverRow)]
}

function leftoverRow(leftover: Leftover): LeftoverRow {
  const { found, at } = leftover
  const { store, machine } = tagsOf(leftover)
  const { createdAt, monthlyPrice, name } = found
  return {
    driver: at.factory.name,
    kind: found.resource.kind,
    name,
    id: found.resource.id ?? '',
    store,
    ...(machine === undefined ? {} : { machine }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(monthlyPrice === undefined ? {} : { monthlyPrice }),
  }
}

function tombstoneRow({ name, id, record }: Tombstone): LeftoverRow {
  const { ledger } = record
  const driver = ledger?.driver.name ?? 'unknown'
  return {
    driver,
    kind: 'rm -f',
    name,
    id,
    machine: name,
    ...(ledger ? { createdAt: ledger.createdAt } : {}),
  }
}

/** What was left alone, and why. */
export function tellSpared(
  ctx: MachineContext,
  { spared, accounts, places }: Survey,
  olderThanMs: number,
): void {
  const limit = shortDuration(Math.max(olderThanMs, YOUNGEST_MS))
  const reasons = {
    'other-store': 'of another store (--all-stores, or by id)',
    young: `younger than ${limit}`,
    'age-unknown': 'of unknown age (by id)',
  } as const
  const parts = Object.entries(spared).map(
    ([why, count]) => `${count} ${reasons[why as keyof typeof reasons]}`,
  )
  const left = parts.length > 0 ? `; left alone: ${parts.join(', ')}` : ''
  const where = places.length > 0 ? ` (${places.join(', ')})` : ''
  ctx.report({
    type: 'info',
    text: `Looked at ${accounts} ${accounts === 1 ? 'account' : 'accounts'}${where}${left}`,
  })
}
