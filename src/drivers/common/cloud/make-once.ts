import { isMachineError } from '../../../contracts/errors.js'
import { pending, waitFor } from '../../../util/wait.js'
import { ApiError, isApiError, isFateUnknown } from '../api/errors.js'
import type { CloudAccount } from './account.js'
import { type Found, type Part, type PartRequest, SERVER } from './part.js'

/** How long a thing whose making was not answered is looked for before it counts as not made: the provider may be at it. */
const LOOK_MS = 20_000

/** A request whose answer was lost is looked for before it is repeated, if it is: there must never be two. */
export async function makeOnce<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  try {
    return await part.make(account, request, signal)
  } catch (error) {
    if (signal.aborted || !isApiError(error) || !isFateUnknown(error)) throw error
    if (part.idempotent) return await part.make(account, request, signal)
    const found = await lookFor(account, part, request, signal)
    if (found) return found
    if (part.mayTwin) throw neverSeen(part, request, error)
    return await makeAgain(account, part, request, signal)
  }
}

/** The first request may have come through only now: then the second one is refused. */
async function makeAgain<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  try {
    return await part.make(account, request, signal)
  } catch (error) {
    if (signal.aborted || !isApiError(error) || error.fate === 'unreachable') throw error
    const found = await part.find(account, request, signal)
    if (!found) throw error
    return found
  }
}

function neverSeen(
  { text, lookMs = LOOK_MS }: Pick<Part<CloudAccount>, 'text' | 'lookMs'>,
  { spec: { machine } }: PartRequest,
  { message, failure, hints }: ApiError,
): ApiError {
  return new ApiError(
    `${message}. The ${text} was not seen within ${lookMs / 1_000} s and may still come: it is not asked for twice`,
    { ...failure, passing: false },
    {
      hints: [
        ...hints,
        `tsmachine create --resume ${machine.name} looks for it again, and makes one only if it is not there.`,
        `tsmachine rm ${machine.name} removes it if it is there.`,
      ],
    },
  )
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

/** Looks for a thing that the provider may list late. */
export async function lookFor<A extends CloudAccount>(
  account: A,
  part: Pick<Part<A>, 'text' | 'find' | 'lookMs'>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found | undefined> {
  try {
    return await waitFor(
      `the ${part.text} whose making was not answered`,
      async (inner) => (await part.find(account, request, inner)) ?? pending('it is not there'),
      { deadlineMs: part.lookMs ?? LOOK_MS, intervalMs: 1_000, signal, clock: account.clock },
    )
  } catch (error) {
    if (isMachineError(error) && error.code === 'timeout') return undefined
    throw error
  }
}
