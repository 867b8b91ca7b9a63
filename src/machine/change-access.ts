import { isMachineError, MachineError } from '../contracts/errors.js'
import type { AccessRules, RecordedAccess } from '../contracts/record.js'
import { isRetryableSsh } from '../ssh/errors.js'
import { covers } from '../util/cidr.js'
import { withDeadline } from '../util/wait.js'
import { applyAccess, applyRules, noFirewall } from './access.js'
import {
  callerSource,
  isOpen,
  OPEN_AT_CREATION,
  openedSsh,
  parseSource,
  rulesOf,
  sameRules,
} from './access-rules.js'
import { openShell } from './connect.js'
import type { MachineContext } from './context.js'
import { CreateState } from './create-state.js'
import { type OpenMachine, openMachine, openWithoutSecrets } from './open.js'

/** A change that the user asks for. */
export interface AccessChange {
  /** This computer has another address now. */
  readonly here: boolean
  /** CIDRs, addresses, or `any`. */
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

/** Who may reach a machine. */
export interface MachineAccess {
  readonly name: string
  readonly here?: string
  readonly sources: readonly string[]
  readonly ssh: readonly string[]
  readonly engine: readonly string[]
  /** A change was cut: the provider may have been told something else. */
  readonly unsettled?: true
}

type Who = Pick<RecordedAccess, 'sources' | 'here'>

/** One try when SSH may be open to us as it is. */
const DIRECT_MS = 5_000
/** The provider's firewall needs a moment to open. */
const OPENED_MS = 90_000
const CLOSE_MS = 30_000

/** By the record alone. @throws MachineError `usage` for machines without a firewall */
export async function machineAccess(ctx: MachineContext, name: string): Promise<MachineAccess> {
  return accessOf(await openWithoutSecrets(ctx, name))
}

/** Changes the provider's firewall. Returns what it is now. */
export async function changeAccess(
  ctx: MachineContext,
  name: string,
  change: AccessChange,
): Promise<MachineAccess> {
  const [add, remove] = [change.add.map(parseSource), change.remove.map(parseSource)]
  const lock = await ctx.store.lock(name, `access ${name}`, { signal: ctx.signal })
  try {
    const state = new CreateState(ctx, await openMachine(ctx, name), undefined)
    if (!state.open.factory.capabilities.access) throw noFirewall(state.open.factory.name)
    const wanted = changed(name, state.open.ledger.access, add, remove)
    if (change.here || (wanted.here === undefined && !isOpen(wanted.sources)))
      await applyHere(state, wanted.sources)
    else await applyAccess(state, wanted, ctx.signal)
    return accessOf(state.open)
  } finally {
    await lock.release()
  }
}

function accessOf({ name, factory, ledger }: OpenMachine): MachineAccess {
  if (!factory.capabilities.access) throw noFirewall(factory.name)
  const { sources = [], here, rules = unsaid(ledger), next } = ledger.access ?? {}
  return { name, ...(here ? { here } : {}), sources, ...rules, ...(next ? { unsettled: true } : {}) }
}

/** Before we told the provider anything: what a create begins with, and docker-machine leaves its machines open to all. */
function unsaid({ phase }: OpenMachine['ledger']): AccessRules {
  return phase === 'ready' ? { ...OPEN_AT_CREATION, engine: OPEN_AT_CREATION.ssh } : OPEN_AT_CREATION
}

function changed(
  name: string,
  { sources, here }: Who = { sources: [] },
  add: readonly string[],
  remove: readonly string[],
): Who {
  const unknown = remove.filter((source) => !sources.includes(source) && source !== here)
  if (unknown.length > 0)
    throw new MachineError('usage', `"${name}" is not open to ${unknown.join(', ')}`, {
      machine: name,
      hints: [`See whom it is open to: tsmachine access ${name}`],
    })
  const left = [...new Set([...sources, ...add])].filter((source) => !remove.includes(source))
  const shutOut =
    here !== undefined &&
    remove.includes(here) &&
    !isOpen(left) &&
    !left.some((source) => covers(source, here))
  if (shutOut)
    throw new MachineError('usage', `Without ${here} this computer could not reach "${name}" any more`, {
      machine: name,
      hints: [`Where you are then: tsmachine access ${name} --here`],
    })
  return { sources: left, ...(here === undefined || remove.includes(here) ? {} : { here }) }
}

/** Finds out our address as the host sees it, for which SSH may have to be opened to everybody for a moment. */
async function applyHere(state: CreateState, sources: readonly string[]): Promise<void> {
  const { ctx } = state
  const { access, options } = state.open.ledger
  const direct = await seenDirectly(state)
  if (direct !== undefined) return await applyAccess(state, { sources, here: direct }, ctx.signal)
  const before = access ?? { sources, rules: rulesOf({ sources }, options) }
  const closed = before.next ?? before.rules
  const text = `Opening SSH of ${state.name} to any address until it has seen ours (keys only, its host key is pinned)`
  ctx.report({ type: 'info', machine: state.name, text })
  try {
    await applyRules(state, before, openedSsh(closed), ctx.signal, closed)
    const here = await seenSource(state, OPENED_MS, ctx.signal)
    await applyAccess(state, { sources, here }, ctx.signal)
  } catch (error) {
    await closeAgain(state, before, closed)
    throw error
  }
}

/** Undefined when SSH is closed to us. @throws MachineError for what opening would not help against */
async function seenDirectly(state: CreateState): Promise<string | undefined> {
  try {
    return await seenSource(state, DIRECT_MS, state.ctx.signal)
  } catch (error) {
    state.ctx.signal.throwIfAborted()
    if (isRetryableSsh(error) || (isMachineError(error) && error.code === 'timeout')) return undefined
    throw error
  }
}

async function seenSource(state: CreateState, deadlineMs: number, signal: AbortSignal): Promise<string> {
  const shell = await openShell(state.ctx, state.open, { deadlineMs, signal })
  try {
    const { stdout } = await shell.exec('echo "$SSH_CONNECTION"; ip -o addr 2>/dev/null', { signal })
    const [first = '', ...addresses] = stdout.split('\n')
    const [clientAddress = '', , hostAddress = ''] = first.split(' ')
    const subnet = addresses
      .map((line) => line.trim().split(/\s+/)[3] ?? '')
      .find((at) => at.startsWith(`${hostAddress}/`))
    const host = state.open.driver.endpoint(state.open.machine).ssh?.host ?? ''
    return callerSource({ clientAddress, ...(subnet ? { hostSubnet: subnet } : {}) }, host)
  } finally {
    shell.close()
  }
}

/** Also when the user has stopped us: what was opened for a moment must not stay open. */
async function closeAgain(state: CreateState, who: Who, closed: AccessRules): Promise<void> {
  await state.refresh()
  const { access } = state.open.ledger
  if (access && !access.next && sameRules(access.rules, closed)) return
  try {
    await withDeadline(`the firewall of ${state.name}`, CLOSE_MS, (signal) =>
      applyRules(state, who, closed, signal),
    )
  } catch {
    const text = `SSH of ${state.name} is still open to any address (keys only). Close it: tsmachine access ${state.name} --here`
    state.ctx.report({ type: 'warn', machine: state.name, text })
  }
}
