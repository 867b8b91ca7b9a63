/** Hetzner's conventions of answers and errors, over the common HTTP policy. */
import type { RateBudget } from '../../contracts/account.js'
import type { Clock } from '../../contracts/clock.js'
import type { JsonObject } from '../../contracts/json.js'
import { type ApiAnswer, type ApiCall, ApiClient, type Query } from '../common/api/client.js'
import { isGone } from '../common/api/errors.js'
import { allPages } from '../common/api/pages.js'
import type { Paged } from './api-types.js'
import { hintsFor } from './hints.js'

/** The largest that lists take. */
export const PAGE_SIZE = 50

export interface ApiSource {
  readonly endpoint: string
  readonly token: string
  readonly budget: RateBudget
  readonly clock: Clock
  readonly log?: (text: string) => void
}

/** One project's API. */
export class HetznerApi {
  readonly #client: ApiClient

  constructor(source: ApiSource) {
    this.#client = new ApiClient({
      provider: 'Hetzner',
      baseUrl: source.endpoint,
      headers: () => ({ authorization: `Bearer ${source.token}` }),
      secrets: [source.token],
      errorOf,
      hintsOf: (answer) => hintsFor(errorOf(answer).code),
      isPassing: (answer) => PASSING.includes(errorOf(answer).code ?? ''),
      retryAfterMs: (answer) => (answer.status === 429 ? REFILL_MS : undefined),
      requestIdHeader: 'x-correlation-id',
      budget: source.budget,
      clock: source.clock,
      ...(source.log ? { log: source.log } : {}),
    })
  }

  async call<T>(call: ApiCall, signal: AbortSignal): Promise<T> {
    return await this.#client.call<T>(call, signal)
  }

  /** The answer, which has the field, or undefined where there is no such thing. */
  async get<T>(path: string, what: string, expects: string, signal: AbortSignal): Promise<T | undefined> {
    return await ifThere(this.call<T>({ method: 'GET', path, what, expects }, signal))
  }

  async post<T>(path: string, body: JsonObject, what: string, signal: AbortSignal): Promise<T> {
    return await this.call<T>({ method: 'POST', path, body, what }, signal)
  }

  /** Gone is success; then there is no answer. */
  async delete<T>(path: string, what: string, signal: AbortSignal): Promise<T | undefined> {
    return await ifThere(this.call<T>({ method: 'DELETE', path, what }, signal))
  }

  /** All items of a list: `servers` of `/servers`. */
  async list<T>(field: string, query: Query, signal: AbortSignal): Promise<readonly T[]> {
    const what = `list the ${field.replaceAll('_', ' ')}`
    return await allPages(what, async (page) => {
      const answer = await this.call<Paged & Record<string, readonly T[] | undefined>>(
        {
          method: 'GET',
          path: `/${field}`,
          query: { ...query, per_page: PAGE_SIZE, page },
          what,
          expects: field,
        },
        signal,
      )
      return { items: answer[field] ?? [], next: answer.meta?.pagination?.next_page }
    })
  }
}

/** Another action holds it, or it changed meanwhile. */
const PASSING: readonly string[] = ['locked', 'conflict', 'rate_limit_exceeded']
/** The limit is refilled by one call a second; the header tells only when it is full again. */
const REFILL_MS = 1_000

/** Errors look like `{"error": {"code": "invalid_input", "message": "...", "details": {"fields": [...]}}}`. */
export function errorOf({ body, status }: ApiAnswer): { code?: string; message: string } {
  const { error } = (body ?? {}) as {
    error?: { code?: unknown; message?: unknown; details?: unknown } | null
  }
  const message = typeof error?.message === 'string' ? error.message : `status ${status}`
  const detail = detailOf(error?.details, message)
  return {
    message: detail === '' ? message : `${message} (${detail})`,
    ...(typeof error?.code === 'string' ? { code: error.code } : {}),
  }
}

/** Fields and limits that the message does not name itself. */
function detailOf(details: unknown, message: string): string {
  const { fields, limits } = (details ?? {}) as { readonly fields?: unknown; readonly limits?: unknown }
  const words = [
    ...objects(fields).map((field) => [textOf(field['name']), ...texts(field['messages'])].join(': ')),
    ...objects(limits).map(({ name }) => textOf(name)),
  ]
  return words.filter((word) => word !== '' && !message.includes(word.split(': ')[0] ?? word)).join('; ')
}

function objects(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : []
  return all.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null)
}

function texts(value: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : []
  return all.filter((each) => typeof each === 'string')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}
