import { Refusal } from '../cloud/http.js'

const STATUS_IDS: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'not_found',
  409: 'conflict',
  422: 'unprocessable_entity',
  429: 'too_many_requests',
  500: 'server_error',
  502: 'bad_gateway',
  503: 'service_unavailable',
  504: 'gateway_timeout',
}

export const unprocessable = (message: string): Refusal => new Refusal(422, 'unprocessable_entity', message)

export const conflict = (message: string): Refusal => new Refusal(409, 'conflict', message)

export const notFound = (): Refusal =>
  new Refusal(404, 'not_found', 'The resource you were accessing could not be found.')

/** The provider's words for refusals that need no state. */
export const WORDS = {
  notFound,
  unauthorized: () => new Refusal(401, 'Unauthorized', 'Unable to authenticate you'),
  forbidden: () => new Refusal(403, 'Forbidden', 'You are not authorized to perform this operation'),
  tooMany: () => new Refusal(429, 'too_many_requests', 'API rate limit exceeded.'),
  invalid: (faults: readonly string[]) => unprocessable(faults.join(', ')),
  scripted: (status: number, code?: string, message?: string) =>
    new Refusal(
      status,
      code ?? STATUS_IDS[status] ?? 'server_error',
      message ?? (status === 429 ? 'API rate limit exceeded.' : 'Unexpected server-side error'),
    ),
}
