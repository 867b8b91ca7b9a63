/** How a survey of leftovers is told. */
import { type Survey, type Swept, YOUNGEST_MS } from '../machine/gc.js'
import type { MachineContext } from '../machine/context.js'
import { type Kept, type Leftover, tagsOf, type WhyKept } from '../machine/leftovers.js'
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

/** Where was looked, and what was left alone for which reason: in numbers, and what concerns this store by name. */
export function tellKept(ctx: MachineContext, { kept, places, closed }: Survey, olderThanMs: number): void {
  const limit = shortDuration(Math.max(olderThanMs, YOUNGEST_MS))
  const parts = KEPT.flatMap(([why, text]) => {
    const count = kept.filter((each) => each.why === why).length
    return count > 0 ? [`${count} ${text(limit)}`] : []
  })
  const where = places.length > 0 ? places.join(', ') : 'no account: there are no credentials'
  const refused = closed.length > 0 ? `; not allowed at ${closed.join(', ')}` : ''
  const left = parts.length > 0 ? `; left alone: ${parts.join(', ')}` : ''
  ctx.report({ type: 'info', text: `Looked at ${where}${refused}${left}` })
  for (const each of kept)
    if (each.why !== 'other-store') ctx.report({ type: 'info', text: keptText(each, limit) })
}

const KEPT: readonly (readonly [WhyKept, (limit: string) => string])[] = [
  ['other-store', () => 'of another store (--all-stores, or by id)'],
  ['young', (limit) => `younger than ${limit}`],
  ['needed', () => 'that servers may need'],
  ['unreadable', () => 'that a record which cannot be read may name'],
  ['age-unknown', () => 'of unknown age (by id)'],
]

function keptText({ thing, why, by }: Kept, limit: string): string {
  const { id, key, kind } = thing.found.resource
  const users = by.filter(({ found: { uses = [] } }) => uses.includes(id ?? key) || uses.includes(key))
  const reasons: Readonly<Record<Exclude<WhyKept, 'other-store'>, string>> = {
    young: `younger than ${limit}`,
    needed: users.length > 0 ? `used by ${serverNames(users)}` : `its store still has ${serverNames(by)}`,
    unreadable: 'a record that cannot be read may name it: tsmachine ls',
    'age-unknown': 'its age is not known',
  }
  const name = thing.found.name === id ? '' : ` ${thing.found.name}`
  return `Kept: ${thing.at.place} ${kind}${name} (${id ?? key}): ${why === 'other-store' ? '' : reasons[why]}`
}

function serverNames(servers: readonly Leftover[]): string {
  const [first, ...more] = servers.map(({ found }) => found.name)
  return more.length > 2 ? `server ${first} and ${more.length} more` : `server ${[first, ...more].join(', ')}`
}
