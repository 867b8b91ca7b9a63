import { isMachineError } from '../../../contracts/errors.js'
import { pending, waitFor } from '../../../util/wait.js'
import { isFateUnknown } from '../api/errors.js'
import type { CloudAccount } from './account.js'
import { type Found, type Part, type PartRequest, SERVER } from './part.js'

/** How long a thing whose making was not answered is looked for before it counts as not made: the provider may be at it. */
const LOOK_MS = 20_000

/** A request whose answer was lost is looked for before it is repeated: there must never be two. */
export async function makeOnce<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  try {
    return await part.make(account, request, signal)
  } catch (error) {
    if (signal.aborted || !isFateUnknown(error)) throw error
    if (part.idempotent) return await part.make(account, request, signal)
    return (await lookFor(account, part, request, signal)) ?? (await part.make(account, request, signal))
  }
}

/**
 * Looks for what an earlier try may have made. A server is waited for: its request may still be at work when its client has
 * died, and names need not be unique.
 */
export async function findTried<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found | undefined> {
  return part.kind === SERVER
    ? await lookFor(account, part, request, signal)
    : await part.find(account, request, signal)
}

async function lookFor<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found | undefined> {
  try {
    return await waitFor(
      `the ${part.text} whose making was not answered`,
      async (inner) => (await part.find(account, request, inner)) ?? pending('it is not there'),
      { deadlineMs: LOOK_MS, intervalMs: 1_000, signal, clock: account.clock },
    )
  } catch (error) {
    if (isMachineError(error) && error.code === 'timeout') return undefined
    throw error
  }
}
