import { join } from 'node:path'
import type { DriverMachine } from '../contracts/driver.js'
import { isMachineError, joinErrors, MachineError, messageOf, toMachineError } from '../contracts/errors.js'
import type { Tombstone } from '../store/store.js'
import { mapBounded } from '../util/bounded.js'
import { withDeadline } from '../util/wait.js'
import { settleAuthority } from '../tls/authority.js'
import { type KnownAccount, knownAccounts } from './accounts.js'
import { storeCertificates } from './certificates.js'
import type { MachineContext } from './context.js'
import { dockerContexts } from './docker-context.js'
import {
  isLiving,
  judge,
  type Leftover,
  livingOf,
  type Living,
  type Scope,
  tagsOf,
  type Verdicts,
} from './leftovers.js'
import { inventories } from './inventories.js'
import { openRecord } from './open.js'
import { partFailure } from './part-failure.js'
import { withRecordedSecrets } from './recorded-first.js'

export const YOUNGEST_MS = 3_600_000
const REMOVE_MS = 180_000
const AT_ONCE = 4

export interface GcRequest extends Omit<Scope, 'now'> {
  readonly driver?: string
}

/** What nobody needs any more, and what could not be looked at. */
export interface Survey extends Verdicts {
  /** Machines that `rm -f` gave up on. */
  readonly tombstones: readonly Tombstone[]
  /** What was looked at: drivers, with the part of the provider. */
  readonly places: readonly string[]
  /** What the account may not look at, and was not told to. */
  readonly closed: readonly string[]
  readonly errors: readonly MachineError[]
}

/** Looks at all accounts. Changes nothing. @throws MachineError for a store that was copied, or an id that is not there */
export async function surveyLeftovers(ctx: MachineContext, request: GcRequest): Promise<Survey> {
  refuseCopied(ctx)
  if (request.olderThanMs < YOUNGEST_MS && request.ids.length === 0)
    throw new MachineError('usage', 'What is younger than 1 h may be in the making: name it by its id')
  const { accounts, errors } = await knownAccounts(ctx, request.driver)
  const { all, places, closed, errors: failed } = await inventories(ctx, accounts)
  const buried = ctx.store.tombstones()
  const graves = new Set(buried.map(({ id }) => id))
  const others = all.filter((each) => !graves.has(tagsOf(each).id ?? ''))
  const isMeant = (each: Tombstone, id: string): boolean =>
    each.id === id || (!isCalled(others, id) && isOfTombstone(each, all, id))
  const tombstones = buried.filter(
    (each) =>
      isAtDriver(each, request.driver) &&
      (request.ids.length === 0 || request.ids.some((id) => isMeant(each, id))),
  )
  const ids = request.ids.filter((id) => !tombstones.some((each) => isMeant(each, id)))
  const scope = { ...request, ids, now: ctx.clock.now() }
  const nothingElse = request.ids.length > 0 && ids.length === 0
  const unasked = [...errors, ...failed]
  const verdicts = nothingElse
    ? { leftovers: [], kept: [] }
    : told(unasked, () => judge(others, livingNow(ctx), scope))
  return { ...verdicts, tombstones, places, closed, errors: unasked }
}

/** What was not found may be where nobody could look. */
function told<T>(unasked: readonly MachineError[], work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isMachineError(error) && error.code === 'not-found' ? joinErrors([error, ...unasked]) : error
  }
}

/** What the other copy has made since bears the same id, and no record here names it. */
function refuseCopied({ store }: MachineContext): void {
  const other = store.copiedFrom()
  if (!other) return
  throw new MachineError(
    'store',
    `This store got its id on ${other.host}, and a copy of it may still be in use there`,
    {
      hints: [
        'If it is: give this copy an id of its own: tsmachine store id --new',
        'If it was moved here: tsmachine store id --moved',
      ],
    },
  )
}

function isAtDriver({ record }: Tombstone, driver: string | undefined): boolean {
  const name = record.ledger?.driver.name ?? ('config' in record ? record.config.DriverName : '')
  return driver === undefined || name === driver
}

function isCalled(all: readonly Leftover[], id: string): boolean {
  return all.some(({ found }) => found.resource.id === id || found.name === id)
}

/** Whether its record names a thing of that id, or the thing's tags name it. */
function isOfTombstone({ id, record }: Tombstone, all: readonly Leftover[], thing: string): boolean {
  const tagged = all.filter((each) => tagsOf(each).id === id)
  return isCalled(tagged, thing) || (record.ledger?.resources ?? []).some((each) => each.id === thing)
}

function livingNow(ctx: MachineContext): Living {
  return livingOf(ctx.store.knownId() ?? '', ctx.store.readAll())
}

export interface Swept {
  readonly removed: readonly Leftover[]
  readonly forgotten: readonly Tombstone[]
  readonly errors: readonly MachineError[]
}

/** Removes what a survey has found: first what was made for one machine, then what several shared. */
export async function sweep(ctx: MachineContext, { leftovers, tombstones }: Survey): Promise<Swept> {
  const [shared, own] = [
    leftovers.filter(({ found }) => found.shared),
    leftovers.filter(({ found }) => !found.shared),
  ]
  const groups = [...groupsOf(own), ...tombstones]
  const first = await mapBounded(groups, AT_ONCE, async (group) => await settle(ctx, group))
  const second = await mapBounded(shared, AT_ONCE, async (each) => await settle(ctx, [each]))
  const outcomes = [...first, ...second]
  return {
    removed: outcomes.flatMap(({ removed }) => removed ?? []),
    forgotten: outcomes.flatMap(({ forgotten }) => forgotten ?? []),
    errors: outcomes.flatMap(({ error }) => error ?? []),
  }
}

/** Removes what killed programs have left on this computer. Where it cannot, that is one warning line. */
export async function sweepOwn(ctx: MachineContext): Promise<void> {
  try {
    await settleAuthority(storeCertificates(ctx), () => ctx.store.lockCa({ signal: ctx.signal }))
    const swept = [...(await ctx.store.sweep()), ...(await dockerContexts(ctx).sweep(ctx.clock))]
    for (const path of swept)
      ctx.report({ type: 'debug', text: `Removed ${path}, which a killed program has left` })
  } catch (error) {
    ctx.signal.throwIfAborted()
    ctx.report({ type: 'warn', text: `What killed programs have left here stays: ${messageOf(error)}` })
  }
}

interface Outcome {
  readonly removed?: readonly Leftover[]
  readonly forgotten?: Tombstone
  readonly error?: MachineError
}

async function settle(ctx: MachineContext, what: readonly Leftover[] | Tombstone): Promise<Outcome> {
  try {
    if ('dir' in what) {
      await removeTombstone(ctx, what)
      return { forgotten: what }
    }
    await removeGroup(ctx, what)
    return { removed: what }
  } catch (error) {
    ctx.signal.throwIfAborted()
    return { error: partFailure(error) }
  }
}

/** Things of one machine at one account. */
function groupsOf(leftovers: readonly Leftover[]): readonly (readonly Leftover[])[] {
  const groups = new Map<string, Leftover[]>()
  for (const [at, each] of leftovers.entries()) {
    const key = `${each.at.place} ${tagsOf(each).id ?? at}`
    groups.set(key, [...(groups.get(key) ?? []), each])
  }
  return [...groups.values()]
}

async function removeGroup(ctx: MachineContext, group: readonly Leftover[]): Promise<void> {
  const [first] = group
  if (!first) return
  const living = livingNow(ctx)
  if (group.some((each) => isLiving(each, living)))
    throw new MachineError('exists', `${nameOf(first)} belongs to a machine again`)
  const { factory, account } = first.at
  const { store, id = '0'.repeat(32), machine = first.found.name } = tagsOf(first)
  const resources = group.map(({ found }) => found.resource)
  const dir = join(ctx.store.root, 'machines', '.removed', `${machine}-${id}`)
  const target = { name: machine, id, storeId: store, dir, config: account.config, resources }
  const ticked = await removeAll(ctx, await factory.open(ctx.driverDeps), target)
  const left = resources.filter(({ kind, key }) => !ticked.has(`${kind} ${key}`))
  if (left.length > 0)
    throw new MachineError(
      'driver',
      `The ${factory.name} driver did not remove ${left.map(({ kind, id: own }) => `${kind} ${own}`).join(', ')}`,
    )
}

export function nameOf({ found }: Leftover): string {
  return `${found.resource.kind} ${found.resource.id ?? found.name}`
}

/** What a machine's own record named when `rm -f` gave up on it; its directory goes when all of it is gone. */
async function removeTombstone(ctx: MachineContext, tombstone: Tombstone): Promise<void> {
  const { name, record } = tombstone
  const hints = [`Look at ${tombstone.dir}; when nothing is left at the provider, remove that directory`]
  if ('error' in record)
    throw new MachineError('store', `What "${name}" had made is not known: ${record.error}`, {
      machine: name,
      hints,
    })
  await withRecordedSecrets(
    ctx,
    (how) => openRecord(ctx, record, how),
    async ({ driver, machine }) => {
      await removeAll(ctx, driver, { ...machine, dir: tombstone.dir })
    },
  ).catch((error: unknown) => {
    throw toMachineError(error).with({ machine: name, hints })
  })
  await ctx.store.forget(tombstone)
}

/** Returns `kind key` of what the driver says is gone; what servers still need stays. */
async function removeAll(
  ctx: MachineContext,
  driver: Awaited<ReturnType<KnownAccount['factory']['open']>>,
  machine: DriverMachine,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>()
  const work = async (signal: AbortSignal): Promise<void> => {
    for await (const event of driver.remove(machine, signal))
      if (event.type === 'removed' && !event.stays) gone.add(`${event.kind} ${event.key}`)
  }
  await withDeadline(`${machine.name} to be removed`, REMOVE_MS, work, {
    signal: ctx.signal,
    clock: ctx.clock,
  })
  return gone
}
