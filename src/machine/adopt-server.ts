import type { DriverAccount, DriverFactory, FoundResource } from '../contracts/driver.js'
import { joinErrors, MachineError } from '../contracts/errors.js'
import { firewallsOver } from '../drivers/common/firewalls-over.js'
import { knownAccounts } from './accounts.js'
import type { MachineContext } from './context.js'
import { inventories } from './inventories.js'
import { type Leftover, livingOf, tagsOf } from './leftovers.js'

/** A server with our tags that no record of this store names. */
export interface AdoptableServer {
  readonly factory: DriverFactory
  readonly account: DriverAccount
  readonly server: FoundResource
  /** What else was made for it alone, and the firewalls that it is under. */
  readonly others: readonly FoundResource[]
  readonly store: string
  readonly id?: string
  /** What its machine was called. */
  readonly machine?: string
}

/** Looks for a server by its id, its name or its machine's name. @throws MachineError `not-found`, `exists`, `usage` */
export async function adoptableServer(
  ctx: MachineContext,
  driver: string,
  target: string,
): Promise<AdoptableServer> {
  const { accounts, errors } = await knownAccounts(ctx, driver)
  const listed = await inventories(ctx, accounts)
  const servers = listed.all.filter(({ found }) => found.state !== undefined)
  const [first, ...more] = matching(servers, target)
  if (!first) throw joinErrors([notFound(driver, target), ...errors, ...listed.errors])
  if (more.length > 0) throw ambiguous(target, [first, ...more])
  const tags = tagsOf(first)
  const living = livingOf(ctx.store.knownId() ?? '', ctx.store.readAll())
  if (tags.id !== undefined && living.machines.has(tags.id) && !isUnfinished(ctx, tags.id))
    throw new MachineError('exists', `Server ${first.found.resource.id} is a machine of this store already`, {
      hints: [`See which: tsmachine ls`],
    })
  const others = listed.all.filter(
    (each) => each !== first && !each.found.shared && tags.id !== undefined && tagsOf(each).id === tags.id,
  )
  const inventory = listed.all.flatMap(({ at, found }) => (at === first.at ? [found] : []))
  return {
    ...first.at,
    ...tags,
    server: first.found,
    others: [...others.map(({ found }) => found), ...firewallsOver(first.found, inventory)],
  }
}

function matching(servers: readonly Leftover[], target: string): readonly Leftover[] {
  const byId = servers.filter(({ found }) => found.resource.id === target)
  if (byId.length > 0) return byId
  return servers.filter((each) => each.found.name === target || tagsOf(each).machine === target)
}

/** An adoption that was cut goes on. */
function isUnfinished(ctx: MachineContext, machineId: string): boolean {
  return ctx.store
    .readAll()
    .some(({ ledger }) => ledger?.machineId === machineId && ledger.phase !== 'ready' && ledger.adopted)
}

function notFound(driver: string, target: string): MachineError {
  return new MachineError('not-found', `No server with our tags has the id or name ${target} (${driver})`, {
    hints: [`See what there is: tsmachine gc --driver ${driver} --all-stores --dry-run`],
  })
}

function ambiguous(target: string, servers: readonly Leftover[]): MachineError {
  const ids = servers.map(({ found }) => found.resource.id).join(', ')
  return new MachineError('usage', `Several servers are called ${target}: ${ids}`, {
    hints: ['Name one by its id.'],
  })
}
