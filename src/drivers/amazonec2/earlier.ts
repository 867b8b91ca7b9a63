/** What an earlier try has made, when its client token or its tags tell of it. */
import { isApiError } from '../common/api/errors.js'
import type { Found, PartRequest } from '../common/cloud/part.js'
import { lookFor } from '../common/cloud/make-once.js'
import { ID_TAG } from '../common/cloud/tags.js'
import { NothingMade } from '../common/cloud/tries.js'
import type { Ec2Account } from './account.js'
import { CAPACITY, foundInstance } from './attempts.js'
import { isRefusedWith } from './errors.js'
import { ALIVE } from './instances.js'

/** What is refused for good has made nothing; for want of capacity there may be another attempt. */
function nothingIfRefused(error: unknown): unknown {
  if (!isApiError(error) || error.fate !== 'refused' || error.passing) return error
  if (CAPACITY.includes(error.providerCode ?? '')) return error
  return new NothingMade(error.code, error.message, { hints: error.hints, cause: error })
}

/** The token was used before: with other settings (a newer image), or for an instance that has ended. */
const USED_UP = ['IdempotentParameterMismatch', 'IdempotentInstanceTerminated']

export async function findInstance(
  account: Ec2Account,
  { spec }: PartRequest,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const { Reservations = [] } = await account.api.call(
    'DescribeInstances',
    {
      Filters: [
        { Name: `tag:${ID_TAG}`, Values: [spec.machine.id] },
        { Name: 'instance-state-name', Values: ALIVE },
      ],
    },
    signal,
  )
  const instance = Reservations.flatMap(({ Instances = [] }) => Instances)[0]
  return instance && foundInstance(account, instance)
}

/** EC2 lists an instance that it has just made within seconds; in a bad hour within a minute. */
export const LATE_INSTANCE = { text: 'EC2 instance', find: findInstance, lookMs: 60_000 }

/**
 * The answer of a call that bears a client token; where the token is used up, the instance of that time.
 * @throws NothingMade where that is not there any more
 */
export async function earlierInstance<T extends object>(
  account: Ec2Account,
  request: PartRequest,
  asked: Promise<T>,
  signal: AbortSignal,
): Promise<T | Found> {
  try {
    return await asked
  } catch (error) {
    if (!isRefusedWith(error, ...USED_UP)) throw nothingIfRefused(error)
    const there = await lookFor(account, LATE_INSTANCE, request, signal)
    if (there) return there
    throw new NothingMade('driver', `An earlier try has left no instance: ${error.message}`, {
      hints: ['The next try is a new one: tsmachine create --resume.'],
    })
  }
}
