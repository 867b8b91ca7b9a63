/** The one way in which drivers talk to a provider over HTTP. */
import type { RateBudget } from '../../../contracts/account.js'
import type { Clock } from '../../../contracts/clock.js'
import { isMachineError, MachineError } from '../../../contracts/errors.js'
import type { JsonObject } from '../../../contracts/json.js'
import { outlasting, retry, withDeadline } from '../../../util/wait.js'
import { type ApiAgents, newAgents } from './agent.js'
import { ApiError } from './errors.js'
import { Explainer } from './explain.js'
import { retryAfterOf } from './retry-after.js'
import { type ApiAnswer, type ApiRequest, type Query, send, urlOf } from './send.js'

export type { ApiAnswer, Query } from './send.js'

/** A provider's API and what is particular about it. */
export interface ApiOptions {
  /** As people call it: `DigitalOcean`. */
  readonly provider: string
  /** No slash at the end; https, or http to loopback only (`checkEndpoint`). */
  readonly baseUrl: string
  /** Authorization and what else every request bears; never logged. */
  headers(): Readonly<Record<string, string>>
  /** Taken out of every error and debug text. */
  readonly secrets: readonly string[]
  /** The provider's own words for a refusal. */
  errorOf(answer: ApiAnswer): { readonly code?: string; readonly message: string }
  /** What helps against a refusal, before our general hints. */
  hintsOf?(answer: ApiAnswer, call: ApiCall): readonly string[]
  /** Milliseconds that the provider's own headers ask for; `Retry-After` is read anyway. */
  retryAfterMs?(answer: ApiAnswer, now: Date): number | undefined
  /** A refusal that passes by itself (`locked`, `conflict`). */
  isPassing?(answer: ApiAnswer): boolean
  readonly requestIdHeader?: string
  readonly budget?: RateBudget
  readonly clock: Clock
  /** One line a request, redacted, for `--debug`. */
  log?(text: string): void
  readonly timeouts?: ApiTimeouts
  /** Where the proxy variables are read; the process's own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Milliseconds. */
export interface ApiTimeouts {
  /** Until a connection is open: 10 s. */
  readonly connectMs?: number
  /** One attempt, until the whole answer is there: 60 s. */
  readonly answerMs?: number
  /** A call with all its attempts: 120 s. Waiting for a turn of the rate budget is not counted. */
  readonly callMs?: number
}

export interface ApiCall {
  readonly method: ApiRequest['method']
  readonly path: string
  readonly query?: Query
  readonly body?: JsonObject
  /** For texts: `make the server`. */
  readonly what: string
  /** Milliseconds for the call with all its attempts. */
  readonly deadlineMs?: number
  /** Does the same when it is made twice, although its method does not say so: it is repeated after a lost answer. */
  readonly repeatable?: true
  /** A field that the answer must have. Without it the answer is not the provider's, and does not say that nothing is there. */
  readonly expects?: string
}

const ANSWER_MS = 60_000
const CALL_MS = 120_000
/** How long an endpoint is tried that never answered: a wrong URL must not take minutes. */
const NEVER_ANSWERED_MS = 10_000
/** How long a request that must not be made twice may go on after its caller's abort: its answer says what exists now. */
const FINISH_MS = 10_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000

/** Calls to one account at one provider: retries by class, redaction, kept connections. */
export class ApiClient {
  readonly #explain: Explainer
  #agents: ApiAgents | undefined
  #answered = false

  constructor(private readonly options: ApiOptions) {
    this.#explain = new Explainer(options)
  }

  /** The body of a successful answer. @throws ApiError */
  async call<T>(call: ApiCall, signal: AbortSignal): Promise<T> {
    return (await this.answer(call, signal)).body as T
  }

  /** A successful answer. Attempts that may pass are repeated inside the call's deadline. @throws ApiError */
  async answer(call: ApiCall, signal: AbortSignal): Promise<ApiAnswer> {
    this.#refuseWayOut(call)
    const attempts = new Attempts()
    await this.options.budget?.take(signal)
    try {
      return await retry(this.#explain.shown(call), (limit) => this.#attempt(call, attempts, limit, signal), {
        deadlineMs: call.deadlineMs ?? this.options.timeouts?.callMs ?? CALL_MS,
        intervalMs: 0,
        isRetryable: (error) => this.#isRetryable(error, call, attempts),
        pauseMs: (error) => attempts.pauseMs(error),
        signal,
        clock: this.options.clock,
      })
    } catch (error) {
      signal.throwIfAborted()
      const timedOut = isMachineError(error) && error.code === 'timeout'
      if (attempts.last && (timedOut || attempts.cutOff))
        throw this.#explain.gaveUp(attempts.last, attempts.count)
      throw error
    }
  }

  /** Ids come from records, and records from elsewhere: one with a slash in it may lead to another thing of the account. */
  #refuseWayOut(call: ApiCall): void {
    if (call.method === 'GET' || !WAY_OUT.test(call.path)) return
    throw new MachineError('driver', `No id of ${this.options.provider}'s is like this: ${call.path}`, {
      hints: ['The record of the machine was changed, or comes from elsewhere: look at its resources.'],
    })
  }

  /** Ends kept connections. */
  close(): void {
    this.#agents?.httpAgent.destroy()
    this.#agents?.httpsAgent.destroy()
  }

  async #attempt(
    call: ApiCall,
    attempts: Attempts,
    limit: AbortSignal,
    caller: AbortSignal,
  ): Promise<ApiAnswer> {
    if (attempts.count++ > 0) await this.options.budget?.take(limit)
    attempts.startedAt ??= this.options.clock.monotonicMs()
    const started = this.options.clock.monotonicMs()
    try {
      const answer = await this.#send(call, limit, caller)
      this.#answered = true
      this.#explain.log(call, answer, this.options.clock.monotonicMs() - started)
      if (isGood(answer, call)) return answer
      throw this.#refused(call, answer)
    } catch (error) {
      // Cut off by the call's own deadline: what was on its way may have arrived, and is not sent again.
      attempts.cutOff = limit.aborted
      const seen = limit.aborted ? new MachineError('timeout', 'no answer') : error
      throw (attempts.last = this.#explain.failure(seen, call, this.#agents?.proxy))
    }
  }

  async #send(call: ApiCall, limit: AbortSignal, caller: AbortSignal): Promise<ApiAnswer> {
    const { options } = this
    const agents = (this.#agents ??= newAgents(options.baseUrl, {
      ...options.timeouts,
      ...(options.env ? { env: options.env } : {}),
    }))
    const request: ApiRequest = {
      method: call.method,
      url: urlOf(options.baseUrl, call.path, call.query),
      headers: options.headers(),
      ...(call.body === undefined ? {} : { body: call.body }),
    }
    const answerMs = options.timeouts?.answerMs ?? ANSWER_MS
    const sent = (until: AbortSignal): Promise<ApiAnswer> =>
      withDeadline('an answer', answerMs, (signal) => send(request, agents, signal), { signal: until })
    // The call's own deadline is no reason to wait: an answer had its time.
    const graceMs = (): number => (caller.aborted ? FINISH_MS : 0)
    return isRepeatable(call) ? await sent(limit) : await outlasting(limit, graceMs, options.clock, sent)
  }

  #refused(call: ApiCall, answer: ApiAnswer): ApiError {
    const { options } = this
    const now = options.clock.now()
    const waitMs = soberMs(retryAfterOf(answer.headers, now) ?? options.retryAfterMs?.(answer, now))
    if (answer.status === 429) options.budget?.exhausted(new Date(now.getTime() + (waitMs ?? FIRST_PAUSE_MS)))
    return this.#explain.refusal(call, answer, waitMs)
  }

  #isRetryable(error: unknown, call: ApiCall, attempts: Attempts): boolean {
    if (!(error instanceof ApiError) || !error.passing || attempts.cutOff) return false
    if (error.fate === 'unknown' && !isRepeatable(call)) return false
    if (error.fate !== 'unreachable' || this.#answered) return true
    const elapsed = this.options.clock.monotonicMs() - (attempts.startedAt ?? 0)
    return elapsed + attempts.grownMs < NEVER_ANSWERED_MS
  }
}

/** Longer than any limit of a provider lasts. */
const LONGEST_ASKED_MS = 31 * 24 * 3_600_000

/** What a clock can show: an answer may hold any number. */
function soberMs(askedMs: number | undefined): number | undefined {
  return askedMs === undefined || Number.isNaN(askedMs) ? undefined : Math.min(askedMs, LONGEST_ASKED_MS)
}

/** A slash that is written another way, or a segment of dots. */
const WAY_OUT = /%2f|%5c|\/\.{1,2}(\/|$)/i

/** Methods whose calls do the same when they are made twice. */
const REPEATABLE: readonly string[] = ['GET', 'PUT', 'DELETE']

function isRepeatable({ method, repeatable }: ApiCall): boolean {
  return repeatable ?? REPEATABLE.includes(method)
}

function isGood({ status, body }: ApiAnswer, { expects }: ApiCall): boolean {
  if (status < 200 || status >= 300 || typeof body === 'string') return false
  return expects === undefined || hasField(body, expects)
}

/** Whether a list or an object is there. */
function hasField(body: unknown, name: string): boolean {
  const field: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  return typeof field === 'object' && field !== null
}

/** The attempts of one call. */
class Attempts {
  count = 0
  startedAt: number | undefined
  last: ApiError | undefined
  cutOff = false

  get grownMs(): number {
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.count - 1))
  }

  /** As long as the provider asks, and at least a growing, jittered pause: many callers must not come back at once. */
  pauseMs(error: unknown): number {
    const grown = this.grownMs
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
    return Math.max(asked + grown * 0.1 * Math.random(), grown * (0.5 + 0.5 * Math.random()))
  }
}
