/** Which of the things at a provider nobody's record knows any more. Pure. */
import type { FoundResource } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { BrokenRecord, MachineRecord } from '../contracts/record.js'
import { knownLedger } from '../store/embedded-ledger.js'
import type { AccountPlace } from './inventories.js'

/** Something at a provider that bears our tags. */
export interface Leftover {
  readonly found: FoundResource
  readonly at: AccountPlace
}

/** What the records of this store name. */
export interface Living {
  /** Id of this store. What bears a former one may belong to the store that this one is a copy of. */
  readonly store: string
  readonly machines: ReadonlySet<string>
  /** Machines whose record cannot be read: what bears such a name is not ours to judge. */
  readonly unreadable: ReadonlySet<string>
  /** `kind key` of what ledgers name. */
  readonly resources: ReadonlySet<string>
}

/** Whom to look for. */
export interface Scope {
  readonly allStores: boolean
  readonly olderThanMs: number
  /** Only these, by id or name, whatever their age and store. */
  readonly ids: readonly string[]
  readonly now: Date
}

export interface Verdicts {
  readonly leftovers: readonly Leftover[]
  /** What no record names, and is left alone all the same. */
  readonly kept: readonly Kept[]
}

export interface Kept {
  readonly thing: Leftover
  readonly why: WhyKept
  /** Servers that need it, or may. */
  readonly by: readonly Leftover[]
}

/** `unreadable`: a record that cannot be read may name it. */
export type WhyKept = 'other-store' | 'unreadable' | 'needed' | 'young' | 'age-unknown'

type Verdict = 'leftover' | 'living' | WhyKept

/** Tags as every driver gives them. */
const STORE = 'tsmachine-store'
const ID = 'tsmachine-id'
const NAME = 'tsmachine-name'

export function tagsOf({ found }: Leftover): { store: string; id?: string; machine?: string } {
  const { [STORE]: store = '', [ID]: id, [NAME]: machine } = found.resource.tags ?? {}
  return { store, ...(id ? { id } : {}), ...(machine ? { machine } : {}) }
}

/** What living records say. Records are read after the inventory: what was made meanwhile is among them. */
export function livingOf(store: string, records: readonly (MachineRecord | BrokenRecord)[]): Living {
  const ledgers = records.flatMap((record) => knownLedger(record) ?? [])
  return {
    store,
    machines: new Set(ledgers.map(({ machineId }) => machineId)),
    unreadable: new Set(
      records.filter((record) => 'error' in record && !record.ledger).map(({ name }) => name),
    ),
    resources: new Set(
      ledgers.flatMap(({ resources }) => resources.map(({ kind, key }) => `${kind} ${key}`)),
    ),
  }
}

/** @throws MachineError `not-found` or `exists` for an id that is none of a leftover */
export function judge(all: readonly Leftover[], living: Living, scope: Scope): Verdicts {
  if (scope.ids.length > 0) return { leftovers: named(all, living, scope.ids), kept: [] }
  const verdicts = new Map(
    all.filter(({ found }) => !found.shared).map((each) => [each, verdictOf(each, living, scope)] as const),
  )
  const going = new Set([...verdicts].flatMap(([each, verdict]) => (verdict === 'leftover' ? [each] : [])))
  for (const each of all.filter(({ found }) => found.shared)) {
    const verdict = verdictOf(each, living, scope)
    const isOpen = verdict !== 'living' && verdict !== 'other-store'
    verdicts.set(each, isOpen && users(each, all, going).length > 0 ? 'needed' : verdict)
  }
  const kept = [...verdicts].flatMap(([thing, why]) =>
    why === 'leftover' || why === 'living' ? [] : [{ thing, why, by: users(thing, all, going) }],
  )
  return { leftovers: all.filter((each) => verdicts.get(each) === 'leftover'), kept }
}

function verdictOf(each: Leftover, living: Living, scope: Scope): Verdict {
  if (isNamed(each, living)) return 'living'
  if (mayBeNamed(each, living)) return 'unreadable'
  if (!isOwn(each, living) && !scope.allStores) return 'other-store'
  const { createdAt, shared } = each.found
  // Nothing is lost with a key of our own that no server and no record needs. Another store may just have made its.
  if (createdAt === undefined) return shared && isOwn(each, living) ? 'leftover' : 'age-unknown'
  const age = scope.now.getTime() - Date.parse(createdAt)
  if (Number.isNaN(age)) return 'age-unknown'
  return age < scope.olderThanMs ? 'young' : 'leftover'
}

/** While a server of its store stays at the account, what servers share stays too. */
function users(each: Leftover, all: readonly Leftover[], going: ReadonlySet<Leftover>): readonly Leftover[] {
  if (!each.found.shared) return []
  const { store } = tagsOf(each)
  return all.filter(
    (other) =>
      other.found.state !== undefined &&
      other.at === each.at &&
      tagsOf(other).store.startsWith(store) &&
      !going.has(other),
  )
}

/** Whether a record of this store names it, or may name it. */
export function isLiving(each: Leftover, living: Living): boolean {
  return isNamed(each, living) || mayBeNamed(each, living)
}

function isNamed(each: Leftover, living: Living): boolean {
  const { id } = tagsOf(each)
  // Also one that another store has made: it may have been imported.
  if (id !== undefined && living.machines.has(id)) return true
  const { kind, key } = each.found.resource
  const mayBeRecorded = !isOwn(each, living) || each.found.shared === true
  return mayBeRecorded && living.resources.has(`${kind} ${key}`)
}

/** What a record that cannot be read names is not known. */
function mayBeNamed(each: Leftover, living: Living): boolean {
  if (!isOwn(each, living)) return false
  const { machine } = tagsOf(each)
  if (machine !== undefined && living.unreadable.has(machine)) return true
  return each.found.shared === true && living.unreadable.size > 0
}

export function isOwn(each: Leftover, living: Living): boolean {
  const { store } = tagsOf(each)
  // Names that hold no more than its beginning give only that.
  return store.length >= 8 && living.store.startsWith(store)
}

/** Those with this id or name, and what else was made for the same machine. */
function named(all: readonly Leftover[], living: Living, ids: readonly string[]): readonly Leftover[] {
  const chosen = new Set<Leftover>()
  for (const id of ids) {
    const matches = all.filter(({ found }) => found.resource.id === id || found.name === id)
    const [first] = matches
    if (!first) throw notFound(id)
    const same = matches.filter(({ found }) => found.resource.id === id)
    if (matches.length > 1 && same.length !== 1) throw ambiguous(id, matches)
    const target = same[0] ?? first
    if (isLiving(target, living)) throw alive(target)
    const { id: machine } = tagsOf(target)
    for (const each of all)
      if (each === target || (machine !== undefined && tagsOf(each).id === machine)) chosen.add(each)
  }
  for (const each of chosen) {
    const by = users(each, all, chosen)
    if (by.length > 0) throw stillNeeded(each, by)
  }
  return [...chosen]
}

function stillNeeded({ found: { resource } }: Leftover, by: readonly Leftover[]): MachineError {
  const names = by.map(({ found }) => found.name).join(', ')
  return new MachineError(
    'exists',
    `${resource.kind} ${resource.id} is shared, and servers of its store are left: ${names}`,
    {
      hints: ['It goes with the last of them: tsmachine gc --all-stores --dry-run shows them.'],
    },
  )
}

function notFound(id: string): MachineError {
  return new MachineError('not-found', `Nothing with our tags has the id or name ${id}`, {
    hints: ['See what there is: tsmachine gc --all-stores --dry-run'],
  })
}

function ambiguous(name: string, matches: readonly Leftover[]): MachineError {
  const ids = matches.map(({ found }) => `${found.resource.kind} ${found.resource.id ?? ''}`)
  return new MachineError('usage', `Several things are called ${name}: ${ids.join(', ')}`, {
    hints: ['Name one by its id.'],
  })
}

function alive(target: Leftover): MachineError {
  const { machine } = tagsOf(target)
  const { kind, id } = target.found.resource
  return new MachineError('exists', `${kind} ${id} belongs to a machine of this store`, {
    hints: [machine === undefined ? 'See which: tsmachine ls' : `Remove that: tsmachine rm ${machine}`],
  })
}
