/** The arithmetic of rate limits: how many calls may be made now, and when the next one. Pure. */
import type { RateLimit } from '../contracts/account.js'

/** What is remembered of the turns that were given out; times are Unix milliseconds. */
export interface TurnState {
  /** Of a window: when and how many, rounded down to slots. */
  readonly given: readonly (readonly [at: number, count: number])[]
  /** Of an even refill: how many were left, and when. */
  readonly left: number
  readonly at: number
  /** The provider said that nothing is left until then. */
  readonly until: number
}

export interface Grant {
  readonly state: TurnState
  readonly turns: number
  /** Milliseconds until asking again is worth it; 0 where turns were given. */
  readonly waitMs: number
}

/** A window is counted in so many slots; turns that are not used within one are void. */
const SLOTS = 120
/** Clocks that differ, and calls that take longer than others on their way, get the rest. */
const SHARE = { window: 0.96, refill: 0.99 }

/** How long a turn may be kept before it is used. */
export function slotMs(limit: RateLimit): number {
  return Math.ceil(limit.perMs / SLOTS)
}

export function freshTurns(limit: RateLimit, now: number): TurnState {
  return { given: [], left: most(limit), at: now, until: 0 }
}

/** Gives up to `wanted` turns. */
export function grant(limit: RateLimit, known: TurnState, wanted: number, now: number): Grant {
  const state = sane(limit, known, now)
  if (state.until > now) return { state, turns: 0, waitMs: state.until - now }
  return limit.window ? fromWindow(limit, state, wanted, now) : fromRefill(limit, state, wanted, now)
}

/** The state after the provider said that nothing is left until `resetAt`. */
export function exhaust(limit: RateLimit, known: TurnState, resetAt: number, now: number): TurnState {
  const state = sane(limit, known, now)
  const until = Math.max(state.until, Math.min(resetAt, now + limit.perMs))
  return { ...state, left: 0, at: now, until }
}

function fromWindow(limit: RateLimit, state: TurnState, wanted: number, now: number): Grant {
  const slot = slotMs(limit)
  const used = state.given.reduce((sum, [, count]) => sum + count, 0)
  const turns = Math.max(0, Math.min(wanted, most(limit) - used))
  const [oldest] = state.given
  if (turns === 0)
    return { state, turns, waitMs: oldest ? Math.max(1, oldest[0] + horizonMs(limit) - now) : slot }
  const at = Math.floor(now / slot) * slot
  const others = state.given.filter(([time]) => time !== at)
  const here = state.given.find(([time]) => time === at)?.[1] ?? 0
  return { state: { ...state, given: [...others, [at, here + turns]] }, turns, waitMs: 0 }
}

function fromRefill(limit: RateLimit, state: TurnState, wanted: number, now: number): Grant {
  const perMs = limit.calls / limit.perMs
  const full = Math.min(most(limit), state.left + (now - state.at) * perMs)
  const turns = Math.min(wanted, Math.floor(full))
  const waitMs = turns > 0 ? 0 : Math.ceil((1 - full) / perMs)
  return { state: { ...state, left: full - turns, at: now }, turns, waitMs }
}

/** Without what is too old to count, and without times of a clock that was ahead. */
function sane(limit: RateLimit, state: TurnState, now: number): TurnState {
  const given = state.given.filter(([at]) => at <= now && at > now - horizonMs(limit))
  const until = state.until > now + limit.perMs ? 0 : state.until
  return { ...state, given, until, at: Math.min(state.at, now) }
}

/** A turn counts for the window, for the slot that it was rounded down to, and for the one in which it may be kept. */
function horizonMs(limit: RateLimit): number {
  return limit.perMs + 2 * slotMs(limit)
}

function most(limit: RateLimit): number {
  return Math.max(1, Math.floor(limit.calls * (limit.window ? SHARE.window : SHARE.refill)))
}
