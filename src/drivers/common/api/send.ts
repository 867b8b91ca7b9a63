/** One attempt: a request and its answer, or what became of it. No policy. */
import type { Method } from 'axios'
import type { JsonObject } from '../../../contracts/json.js'
import type { ApiAgents } from './agent.js'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: JsonObject
}

/** What the provider answered, whatever its status. */
export interface ApiAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Parsed JSON; the text itself where it is none; undefined where it is empty. */
  readonly body: unknown
}

/** More than any answer of an API has. */
const LONGEST_ANSWER = 64 * 1024 * 1024

/** Sends a request once. @throws the error of the connection */
export async function send(request: ApiRequest, agents: ApiAgents, signal: AbortSignal): Promise<ApiAnswer> {
  const { default: axios } = await import('axios')
  const response = await axios.request<string>({
    url: request.url,
    method: request.method satisfies Method,
    headers: {
      accept: 'application/json',
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    },
    data: request.body === undefined ? undefined : JSON.stringify(request.body),
    httpAgent: agents.httpAgent,
    httpsAgent: agents.httpsAgent,
    // Our agents know the proxy, and a redirect would take the token elsewhere.
    proxy: false,
    maxRedirects: 0,
    maxContentLength: LONGEST_ANSWER,
    responseType: 'text',
    transformResponse: (text: string) => text,
    validateStatus: () => true,
    signal,
  })
  return { status: response.status, headers: plainHeaders(response.headers), body: parsed(response.data) }
}

/** The URL of a call: path and query behind the endpoint's own path. */
export function urlOf(baseUrl: string, path: string, query: Query = {}): string {
  const words = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  return `${baseUrl}${path}${words.length === 0 ? '' : `?${new URLSearchParams(words).toString()}`}`
}

function plainHeaders(headers: object): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[name.toLowerCase(), String(value)]],
  )
  return Object.fromEntries(entries) as Record<string, string>
}

function parsed(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
