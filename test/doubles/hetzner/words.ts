import type { Json } from '../../../src/contracts/json.js'
import { Refusal } from '../cloud/http.js'

const STATUS_CODES: Readonly<Record<number, string>> = {
  400: 'json_error',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  412: 'resource_unavailable',
  422: 'invalid_input',
  423: 'locked',
  429: 'rate_limit_exceeded',
  500: 'server_error',
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
}

/** What is wrong with one field of a request. */
export function invalid(field: string, message: string): Refusal {
  const details = { fields: [{ name: field, messages: [message] }] }
  return new Refusal(422, 'invalid_input', `invalid input in field '${field}': ${message}`, details)
}

export const taken = (message: string): Refusal => new Refusal(409, 'uniqueness_error', message)

export const inUse = (message: string): Refusal => new Refusal(422, 'resource_in_use', message)

export const notFound = (what: string, id: unknown): Refusal =>
  new Refusal(404, 'not_found', `${what} with ID '${String(id)}' not found`)

/** The provider's words for refusals that need no state. */
export const WORDS = {
  notFound: () => new Refusal(404, 'not_found', 'resource not found'),
  unauthorized: () => new Refusal(401, 'unauthorized', 'unable to authenticate'),
  forbidden: () => new Refusal(403, 'token_readonly', 'the token is only allowed to perform GET requests'),
  tooMany: () => new Refusal(429, 'rate_limit_exceeded', 'limit of 3600 requests per hour reached'),
  invalid: (faults: readonly string[], body: Json) =>
    typeof body === 'string'
      ? new Refusal(400, 'json_error', 'invalid JSON')
      : invalid(/requestBody\/(\w+)/.exec(faults[0] ?? '')?.[1] ?? 'request', faults.join(', ')),
  scripted: (status: number, code?: string, message?: string) =>
    new Refusal(status, code ?? STATUS_CODES[status] ?? 'server_error', message ?? 'an error occurred'),
}
