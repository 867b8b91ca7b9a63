import { isMachineError } from '../contracts/errors.js'
import { errnoOf } from '../util/file-error.js'
import type { Lock } from '../util/locks.js'
import type { MachineContext } from './context.js'

/** Whether a write failed only for want of room. */
export function isDiskFull(error: unknown): boolean {
  return isMachineError(error) && ['ENOSPC', 'EDQUOT'].includes(errnoOf(error.cause) ?? '')
}

/**
 * The lock for what ends a machine. A full disk has no room for its file, and may be full of this very machine: then the
 * work goes on without.
 */
export async function lockToEnd(
  ctx: MachineContext,
  name: string,
  what: string,
): Promise<Pick<Lock, 'release'>> {
  try {
    return await ctx.store.lock(name, what, { signal: ctx.signal })
  } catch (error) {
    if (!isDiskFull(error)) throw error
    ctx.report({ type: 'warn', machine: name, text: 'The disk is full: going on without a lock' })
    return { release: () => Promise.resolve() }
  }
}
