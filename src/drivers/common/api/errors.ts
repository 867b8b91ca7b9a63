import { type ErrorDetails, isMachineError, MachineError } from '../../../contracts/errors.js'

/**
 * What became of a call that failed: `refused`, the provider did nothing; `unreachable`, it never got the request;
 * `unknown`, it may have done it: look before asking again.
 */
export type Fate = 'refused' | 'unknown' | 'unreachable'

/** What is known of a failed call besides its message. */
export interface ApiFailure {
  readonly fate: Fate
  /** HTTP status; absent where no answer came. */
  readonly status?: number
  /** The provider's own code: `unprocessable_entity`, `resource_limit_exceeded`. */
  readonly providerCode?: string
  /** What the provider's support asks for. */
  readonly requestId?: string
  /** Another attempt may help. */
  readonly passing?: boolean
  /** Milliseconds that the provider asked us to wait. */
  readonly retryAfterMs?: number
}

/** A call to a provider's API that failed, in the provider's own words. */
export class ApiError extends MachineError {
  readonly fate: Fate
  readonly status: number | undefined
  readonly providerCode: string | undefined
  readonly requestId: string | undefined
  readonly passing: boolean
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    readonly failure: ApiFailure,
    details: ErrorDetails = {},
  ) {
    super('driver', message, details)
    this.fate = failure.fate
    this.status = failure.status
    this.providerCode = failure.providerCode
    this.requestId = failure.requestId
    this.passing = failure.passing ?? false
    this.retryAfterMs = failure.retryAfterMs
  }

  /** The same failure with more hints behind its own. */
  withHints(hints: readonly string[]): ApiError {
    const { evidence, cause } = this
    return new ApiError(this.message, this.failure, {
      hints: [...new Set([...this.hints, ...hints])],
      cause,
      ...(evidence === undefined ? {} : { evidence }),
    })
  }
}

export function isApiError(error: unknown): error is ApiError {
  return isMachineError(error) && 'fate' in error
}

/** The thing does not exist at the provider (any more). */
export function isGone(error: unknown): boolean {
  return isApiError(error) && (error.status === 404 || error.status === 410)
}

/** The call may have been carried out although it failed. */
export function isFateUnknown(error: unknown): boolean {
  return isApiError(error) && error.fate === 'unknown'
}
