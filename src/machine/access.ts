import { MachineError } from '../contracts/errors.js'
import type { AccessRules, MachineOptions, RecordedAccess } from '../contracts/record.js'
import type { DriverFactory } from '../contracts/driver.js'
import { callerSource, isOpen, OPEN_AT_CREATION, rulesOf, sameRules } from './access-rules.js'
import type { MachineContext } from './context.js'
import type { CreateState } from './create-state.js'
import { recordEvents } from './driver-events.js'
import { rootedFacts } from './host-facts.js'
import type { OpenMachine } from './open.js'
import { requireShell } from './require-shell.js'

/**
 * The options of a new machine with the usual choice of its firewall.
 * @throws MachineError `usage` where there is no firewall to open
 */
export function withAccessChoice(
  ctx: MachineContext,
  factory: DriverFactory,
  options: MachineOptions,
): MachineOptions {
  if (!factory.capabilities.access) {
    if (options.access) throw noFirewall(factory.name)
    return options
  }
  if (options.access) return options
  const { openTo } = ctx.profile
  if (openTo.length > 0) {
    const text =
      "New machines are open to any address, as docker-machine's are: --open-to here lets in this computer alone"
    ctx.report({ type: 'warn', text })
  }
  return { ...options, access: { openTo } }
}

export function noFirewall(driver: string): MachineError {
  return new MachineError('usage', `The ${driver} driver has no firewall that could be opened or closed`, {
    hints: ['See which drivers have one: tsmachine drivers'],
  })
}

/** What a driver is told when it makes a machine, or looks at it again. */
export function accessAtCreation({ factory, ledger }: OpenMachine): AccessRules | undefined {
  if (!factory.capabilities.access) return undefined
  return ledger.access?.next ?? ledger.access?.rules ?? OPEN_AT_CREATION
}

/**
 * Before a new machine's engine listens: SSH and engine are opened to this computer, as the host saw it in the first
 * connection, and to whom the user named; to nobody else. A machine that is complete is left as it is.
 */
export async function settleAccess(state: CreateState, signal: AbortSignal): Promise<void> {
  const { factory, ledger } = state.open
  if (!factory.capabilities.access) return
  if (ledger.phase === 'ready') return await finishAccess(state, signal)
  const sources = ledger.options.access?.openTo ?? []
  const here = isOpen(sources) ? undefined : await callerNow(state, signal)
  await applyAccess(state, { sources, ...(here === undefined ? {} : { here }) }, signal)
  const text = here === undefined ? `any address` : [here, ...sources].join(', ')
  state.ctx.report({ type: 'info', machine: state.name, text: `${state.name} is open to ${text}` })
}

async function callerNow(state: CreateState, signal: AbortSignal): Promise<string> {
  state.facts ??= (await rootedFacts(state.ctx, state.open, requireShell(state), signal)).facts
  return callerSource(state.facts, state.open.driver.endpoint(state.open.machine).ssh?.host ?? '')
}

/** Tells the provider what an interrupted change left open or unsaid. */
export async function finishAccess(state: CreateState, signal: AbortSignal): Promise<void> {
  const { access } = state.open.ledger
  if (access?.next) await applyRules(state, access, access.next, signal)
}

/** Opens a machine to these and to nobody else. */
export async function applyAccess(
  state: CreateState,
  wanted: Pick<RecordedAccess, 'sources' | 'here'>,
  signal: AbortSignal,
): Promise<void> {
  await applyRules(state, wanted, rulesOf(wanted, state.open.ledger.options), signal)
}

/**
 * Tells the provider these rules. They are in the record before the call, so that whatever instant we die at, the record
 * says what may be open and what has to be said again. `back`: what has to follow soon.
 */
export async function applyRules(
  state: CreateState,
  { sources, here }: Pick<RecordedAccess, 'sources' | 'here'>,
  rules: AccessRules,
  signal: AbortSignal,
  back?: AccessRules,
): Promise<void> {
  const { ctx, name, open } = state
  const events = open.driver.setAccess?.bind(open.driver)
  if (!events) throw noFirewall(open.factory.name)
  const who = { sources, ...(here === undefined ? {} : { here }) }
  const before = open.ledger.access?.rules ?? OPEN_AT_CREATION
  await state.update((ledger) => ({ ...ledger, access: { ...who, rules: before, next: back ?? rules } }))
  await recordEvents(ctx, name, open.factory, events(state.open.machine, rules, signal))
  const pending = back && !sameRules(back, rules) ? { next: back } : {}
  await state.update((ledger) => ({ ...ledger, access: { ...who, rules, ...pending } }))
}
