import { isMachineError } from '../../../contracts/errors.js'
import { ConnectError, ProxyRefusal } from './agent.js'
import type { ApiAnswer, ApiCall, ApiOptions } from './client.js'
import { ApiError, type Fate } from './errors.js'
import { networkFault } from './network-faults.js'
import { redactor } from '../../../util/redact.js'

/** Answers that another attempt may change. */
const PASSING: readonly number[] = [408, 429, 500, 502, 503, 504]
/** Answers after which the request may still have been carried out. */
const MAY_BE_DONE: readonly number[] = [408, 500, 502, 503, 504]
const SKEW_MS = 5 * 60_000
const LONGEST_WORDS = 600

/** Turns failures of one provider's API into errors for people: its words, our hints, and never a secret. */
export class Explainer {
  readonly #redact: (text: string) => string

  constructor(private readonly options: ApiOptions) {
    this.#redact = redactor(options.secrets)
  }

  /** A call for texts: its query may hold what is nobody's business. */
  shown({ method, path }: ApiCall): string {
    return this.#redact(
      `${method} ${this.options.baseUrl.replace(/^https?:\/\/[^/]*/, '')}${path.replace(/\?.*/, '')}`,
    )
  }

  log(call: ApiCall, answer: ApiAnswer, tookMs: number): void {
    const id = this.#requestId(answer)
    const named = id === undefined ? '' : `, request id ${id}`
    this.options.log?.(
      this.#redact(
        `${this.options.provider}: ${this.shown(call)} -> ${answer.status} in ${Math.round(tookMs)} ms${named}`,
      ),
    )
  }

  /** An answer that is no success. */
  refusal(call: ApiCall, answer: ApiAnswer, retryAfterMs: number | undefined): ApiError {
    const { status } = answer
    const { code, message } = this.#words(answer, call)
    const requestId = this.#requestId(answer)
    const facts = [`HTTP ${status}`, code, `${this.shown(call)}`, requestId && `request id ${requestId}`]
    return new ApiError(
      this.#redact(
        `${this.options.provider} cannot ${call.what}: ${message} (${facts.filter(Boolean).join(', ')})`,
      ),
      {
        fate: fateOf(answer),
        status,
        ...(code === undefined ? {} : { providerCode: this.#redact(code) }),
        ...(requestId === undefined ? {} : { requestId }),
        passing: PASSING.includes(status) || (this.options.isPassing?.(answer) ?? false),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
      { hints: this.#hints(answer, call).map(this.#redact) },
    )
  }

  /** Anything that ended an attempt, as ApiError. */
  failure(error: unknown, call: ApiCall, proxy: string | undefined): ApiError {
    if (error instanceof ApiError) return error
    if (error instanceof TypeError)
      return this.#unreachable(call, { text: error.message, hints: [], passing: false })
    const refusal = connectCause(error)
    if (refusal instanceof ProxyRefusal)
      return this.#unreachable(call, proxyFault(refusal, proxy ?? 'the proxy'))
    const fault = isMachineError(error)
      ? { text: 'no answer came in time', hints: [], passing: true }
      : networkFault(refusal ?? error, this.options.clock.now())
    const through = proxy === undefined ? fault.text : `${fault.text}, through the proxy ${proxy}`
    if (refusal) return this.#unreachable(call, { ...fault, text: through })
    return new ApiError(
      this.#redact(
        `${this.options.provider} gave no answer when asked to ${call.what}: ${through} (${this.shown(call)})`,
      ),
      { fate: 'unknown', passing: true },
      { hints: fault.hints.map(this.#redact) },
    )
  }

  /** The last failure when the deadline was reached. */
  gaveUp(error: ApiError, attempts: number): ApiError {
    const again = error.retryAfterMs
    const hint =
      again === undefined
        ? `Tried ${attempts} times. Try again later.`
        : `${this.options.provider} asks to wait ${Math.ceil(again / 1_000)} s: try again after ${this.#at(again)}.`
    return error.withHints([hint])
  }

  #at(inMs: number): string {
    return new Date(this.options.clock.now().getTime() + inMs).toISOString()
  }

  #unreachable(call: ApiCall, fault: { text: string; hints: readonly string[]; passing: boolean }): ApiError {
    const { provider, baseUrl } = this.options
    return new ApiError(
      this.#redact(`Cannot reach ${provider} at ${baseUrl} to ${call.what}: ${fault.text}`),
      { fate: 'unreachable', passing: fault.passing },
      { hints: fault.hints.map(this.#redact) },
    )
  }

  #words(answer: ApiAnswer, { expects = '' }: ApiCall): { code?: string; message: string } {
    const { status, body, headers } = answer
    if (status >= 300 && status < 400)
      return { message: `it redirects to ${(headers['location'] ?? 'nowhere').replace(/\?.*/, '')}` }
    if (typeof body === 'string') return { message: `it answers no JSON: ${firstWords(body)}` }
    if (status < 300) return { message: `its answer has no "${expects}"` }
    const { code, message } = this.options.errorOf(answer)
    return {
      message: message.slice(0, LONGEST_WORDS) || 'no reason given',
      ...(code === undefined ? {} : { code }),
    }
  }

  #hints(answer: ApiAnswer, call: ApiCall): string[] {
    const own = this.options.hintsOf?.(answer, call) ?? []
    const skew = this.#skewHint(answer)
    return [...own, ...(own.length === 0 ? generalHints(answer, this.options.provider) : []), ...skew]
  }

  /** A wrong clock makes providers refuse what is right. */
  #skewHint({ status, headers }: ApiAnswer): string[] {
    const there = Date.parse(headers['date'] ?? '')
    const here = this.options.clock.now()
    if (
      ![400, 401, 403].includes(status) ||
      Number.isNaN(there) ||
      Math.abs(there - here.getTime()) < SKEW_MS
    )
      return []
    return [
      `This computer's clock says ${here.toISOString()}, ${this.options.provider}'s ${new Date(there).toISOString()}.`,
    ]
  }

  #requestId({ headers }: ApiAnswer): string | undefined {
    const id = headers[(this.options.requestIdHeader ?? 'x-request-id').toLowerCase()]
    return id === undefined ? undefined : this.#redact(id)
  }
}

function fateOf({ status }: ApiAnswer): Fate {
  // 2xx without JSON, or with other JSON: something on the way answered, or the provider broke after acting.
  return MAY_BE_DONE.includes(status) || (status >= 200 && status < 300) ? 'unknown' : 'refused'
}

function generalHints({ status }: ApiAnswer, provider: string): readonly string[] {
  if (status < 300)
    return [
      `Something between this computer and ${provider} may have answered: log in to the network, or check the proxy. Then try again.`,
    ]
  if (status === 401) return [`${provider} does not know the token: it is mistyped, revoked or expired.`]
  if (status === 403) return ['The token is known, but it lacks the permission for this call.']
  if (status === 429) return ['Too many calls: other programs that use the same account count too.']
  if (status >= 300 && status < 400) return ['Check the URL of the endpoint.']
  if (status >= 500) return [`The fault is at ${provider}. Try again later.`]
  return []
}

function proxyFault(
  refusal: ProxyRefusal,
  proxy: string,
): { text: string; hints: string[]; passing: boolean } {
  const text = `the proxy ${proxy} refused: ${refusal.message}`
  if (refusal.status === 407)
    return { text, hints: ['It wants a login: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT'], passing: false }
  const hint = 'Ask who runs the proxy to allow this host, or set NO_PROXY for it.'
  return { text, hints: [hint], passing: refusal.status >= 500 }
}

/** What made the connection fail, if it was never open. */
function connectCause(error: unknown): Error | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (at instanceof ConnectError) return at.cause instanceof Error ? at.cause : at
  return undefined
}

function firstWords(text: string): string {
  const words = text
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return words.length > 160 ? `${words.slice(0, 160)}...` : words
}
