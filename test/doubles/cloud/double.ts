import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Operation } from 'openapi-backend'
import type { Clock } from '../../../src/contracts/clock.js'
import type { Json, JsonObject } from '../../../src/contracts/json.js'
import { systemClock } from '../../../src/util/clock.js'
import { answerControl } from './control.js'
import type { Description } from './description.js'
import { type Fault, Faults } from './faults.js'
import { type GuestHost, NoGuests } from './guest.js'
import { openGuests } from './open-guests.js'
import { type Answer, type Call, plainHeaders, readBody, Refusal, send } from './http.js'
import { type Conditions, NORMAL, type Times } from './power.js'
import type { RateLimit } from './rate-limit.js'
import { Timeline } from './timeline.js'
import { type TokenRights, Tokens } from './tokens.js'

export interface DoubleOptions {
  readonly clock?: Clock
  /** A token that may do everything; `TOKEN` when absent. */
  readonly token?: string
  /** Further tokens and what they may do. */
  readonly tokens?: Readonly<Record<string, TokenRights>>
  /** False: the provider's rate limit is not enforced. */
  readonly limits?: boolean
  /** What is behind its servers: nothing, VMs, or what a test brings. */
  readonly servers?: 'none' | 'vms' | GuestHost
  readonly times?: Partial<Times>
}

export const TOKEN = 'double-token-0123456789abcdef'
const TIMES: Times = { boot: 300, power: 100, remove: 100 }

/** One request as tests see it: no header, no body, no secret. */
export interface LoggedRequest {
  readonly number: number
  readonly method: string
  readonly path: string
  readonly query: string
  readonly operation: string | undefined
  /** 0: the connection was broken. */
  status: number
}

/** Called with each request before it is acted on, or when it has been and the answer is not yet sent. */
export type RequestHook = (request: LoggedRequest) => void | Promise<void>

export type Handler = (call: Call) => Answer

/** What every double of a provider does with a request; what the provider is like is in its subclass. */
export abstract class CloudDouble {
  readonly faults = new Faults()
  readonly conditions: Conditions = { ...NORMAL }
  readonly requests: LoggedRequest[] = []
  /** Answers of ours that do not fit the description, and what the double cannot do: a test looks here at its end. */
  readonly violations: string[] = []
  readonly timeline: Timeline
  readonly times: Times
  onRequest: RequestHook = () => undefined
  onActed: RequestHook = () => undefined
  readonly #tokens: Tokens
  readonly #server: Server
  #guests: GuestHost = new NoGuests()

  protected constructor(
    protected readonly description: Description,
    readonly options: DoubleOptions,
  ) {
    this.timeline = new Timeline(options.clock ?? systemClock, this.violations)
    this.times = { ...TIMES, ...options.times }
    this.#tokens = new Tokens(options.token ?? TOKEN, options.tokens ?? {})
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  /** Where clients are pointed at. */
  abstract get url(): string
  /** Everything that exists and was not there at first, in words; empty when nothing is left. */
  abstract inventory(): readonly string[]
  protected abstract readonly handlers: Readonly<Record<string, Handler>>
  protected abstract readonly limit: RateLimit | undefined
  protected abstract refusalBody(refusal: Refusal): Json
  /** The provider's refusals that need no state. */
  protected abstract readonly words: {
    unauthorized(): Refusal
    forbidden(operation: string, scopes: readonly string[]): Refusal
    notFound(): Refusal
    tooMany(): Refusal
    invalid(faults: readonly string[], body: Json): Refusal
    scripted(status: number, code?: string, message?: string): Refusal
  }

  protected async listen(): Promise<void> {
    this.#guests = await openGuests(this.options.servers)
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  protected get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get guests(): GuestHost {
    return this.#guests
  }

  fail(fault: Fault): void {
    this.faults.add(fault)
  }

  /** Requests so far, of one operation or of all. */
  count(operation?: string): number {
    if (operation === undefined) return this.requests.length
    return this.requests.filter((request) => request.operation === operation).length
  }

  /** Requests by operation, for tests that print or compare them. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { operation = 'unknown' } of this.requests) counts[operation] = (counts[operation] ?? 0) + 1
    return counts
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.#guests.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined)
    request.on('error', () => undefined)
    try {
      const body = await readBody(request)
      const url = new URL(request.url ?? '/', this.origin)
      if (await answerControl(this, url.pathname, request.method ?? '', body, response)) return
      await this.#answer(request, response, url, body)
    } catch (error) {
      this.violations.push(
        `the double failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
      )
      response.destroy()
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL, body: string): Promise<void> {
    const asked = {
      method: (request.method ?? 'GET').toLowerCase(),
      path: url.pathname,
      headers: plainHeaders(request),
      query: url.search.slice(1),
      body: body === '' ? undefined : body,
    }
    const operation = this.description.match(asked)
    const logged: LoggedRequest = {
      number: this.requests.length + 1,
      method: request.method ?? 'GET',
      path: url.pathname,
      query: asked.query,
      operation: operation?.operationId,
      status: 0,
    }
    this.requests.push(logged)
    await this.onRequest(logged)
    const fault = this.faults.next(logged.operation)
    if (fault?.kind === 'delay') await this.timeline.clock.sleep(fault.ms)
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'drop-before') return void request.socket.destroy()
    const answer = this.#outcome(asked, operation, url, fault)
    await this.onActed(logged)
    if (fault?.kind === 'drop-after') return void request.socket.destroy()
    logged.status = answer.status
    send(response, answer)
  }

  #outcome(asked: Asked, operation: Operation | undefined, url: URL, fault: Fault | undefined): Answer {
    const rate = this.#rights(asked)
    const headers = rate && 'headers' in rate ? rate.headers : {}
    try {
      if (rate instanceof Refusal) throw rate
      if (rate && !rate.allowed) throw this.words.tooMany()
      if (fault?.kind === 'status' && !fault.acted) return this.#scripted(fault, headers)
      const answer = this.#act(asked, operation, url)
      if (fault?.kind === 'status') return this.#scripted(fault, headers)
      return { ...answer, headers: { ...headers, ...answer.headers } }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return this.#refuse(error, headers)
    }
  }

  #rights(asked: Asked): ReturnType<RateLimit['take']> | Refusal | undefined {
    if (!this.#tokens.find(asked.headers['authorization'])) return this.words.unauthorized()
    return this.options.limits === false ? undefined : this.limit?.take()
  }

  #scripted(fault: Fault & { kind: 'status' }, headers: Answer['headers']): Answer {
    const wait = fault.retryAfterSeconds
    const refusal = this.words.scripted(fault.status, fault.code, fault.message)
    return this.#refuse(refusal, { ...headers, ...(wait === undefined ? {} : { 'retry-after': `${wait}` }) })
  }

  #refuse(refusal: Refusal, headers: Answer['headers']): Answer {
    return { status: refusal.status, body: this.refusalBody(refusal), ...(headers ? { headers } : {}) }
  }

  #act(asked: Asked, operation: Operation | undefined, url: URL): Answer {
    const name = operation?.operationId
    if (!operation || name === undefined) throw this.words.notFound()
    const scopes = this.description.scopes(operation)
    const rights = this.#tokens.find(asked.headers['authorization'])
    if (!rights || !Tokens.allow(rights, asked.method, scopes)) throw this.words.forbidden(name, scopes)
    const body = parsedBody(asked.body) ?? (operation.requestBody ? {} : undefined)
    const faults = this.description.requestFaults(
      { ...asked, ...(body === undefined ? {} : { body }) },
      operation,
    )
    if (faults.length > 0) throw this.words.invalid(faults, body ?? {})
    const handler = this.handlers[name]
    if (!handler) {
      this.violations.push(`the double has no ${name}`)
      throw new Refusal(500, 'server_error', `the double has no ${name}`)
    }
    this.timeline.settle()
    const params = this.description.params(asked, operation)
    const answer = handler({
      operation: name,
      params,
      query: url.searchParams,
      path: url.pathname,
      body: (body ?? {}) as JsonObject,
    })
    return this.#checked(name, answer)
  }

  #checked(operation: string, answer: Answer): Answer {
    // As a client gets it: what is undefined is not sent.
    const body = answer.body === undefined ? undefined : (JSON.parse(JSON.stringify(answer.body)) as Json)
    const faults = this.description.answerFaults(operation, answer.status, body)
    if (faults.length === 0) return answer
    const text = `${operation} ${answer.status}: ${faults.join('; ')}`
    this.violations.push(text)
    throw new Refusal(500, 'server_error', `the double's own answer is wrong: ${text}`)
  }
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly query: string
  readonly body: string | undefined
}

/** What is not JSON stays text, and the description refuses it. */
function parsedBody(body: string | undefined): Json | undefined {
  if (body === undefined) return undefined
  try {
    return JSON.parse(body) as Json
  } catch {
    return body
  }
}
