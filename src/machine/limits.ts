/** How long a driver's verbs may take as seen from outside, beside the limits that a driver has for its own steps. */
import type { OpenMachine } from './open.js'

const MINUTE = 60_000

export type Verb = 'preflight' | 'make' | 'start' | 'stop' | 'kill' | 'remove'

/**
 * Where nothing is known of a driver's steps (capability `opaque`) each of its calls has a deadline, whose text is the
 * better one: these are above the sum of the calls, and of the wait for the state that they lead to.
 */
export const OPAQUE_MS: Readonly<Record<Verb, number>> = {
  preflight: 12 * MINUTE,
  make: 60 * MINUTE,
  start: 20 * MINUTE,
  stop: 20 * MINUTE,
  kill: 20 * MINUTE,
  remove: 20 * MINUTE,
}

/** @param ms for a driver that we know, with hardware virtualisation */
export function limitOf(open: OpenMachine, verb: Verb, ms: number): number {
  if (open.factory.capabilities.opaque) return OPAQUE_MS[verb]
  // The plug is pulled as fast on a slow computer.
  const patience = verb === 'kill' ? 1 : (open.driver.patience?.(open.machine) ?? 1)
  return ms * patience
}

/**
 * Milliseconds that interrupted work gets to record what exists: a request that makes a server may take 10 s to end, and a
 * plugin that is cut then 2 s to say its state, and more to go.
 */
export const ABORT_GRACE_MS = 18_000

/** Where only an `opaque` driver needs the time: what else is powered off or removed is as well asked again. */
export function graceOf(open: OpenMachine, ms: number): number {
  return open.factory.capabilities.opaque ? ABORT_GRACE_MS : ms
}
