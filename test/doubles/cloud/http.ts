import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Json, JsonObject } from '../../../src/contracts/json.js'

/** What a double answers. No body: none is sent. */
export interface Answer {
  readonly status: number
  readonly body?: Json
  readonly headers?: Readonly<Record<string, string>>
}

/** A request that fits the description, as an operation's handler sees it. */
export interface Call {
  readonly operation: string
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: JsonObject
  /** Path without query, as it was asked for. */
  readonly path: string
}

/** The provider says no, in its own form: each double renders it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details?: Json,
  ) {
    super(message)
  }
}

const BODY_LIMIT = 1024 * 1024

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > BODY_LIMIT) throw new Refusal(413, 'payload_too_large', 'the request is too large')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function send(response: ServerResponse, answer: Answer): void {
  const body = answer.body === undefined ? undefined : JSON.stringify(answer.body)
  response.writeHead(answer.status, {
    ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...answer.headers,
  })
  response.end(body)
}

/** Headers with one value each. */
export function plainHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
}

/** A string of a request's body; empty where it has none. */
export function text(body: JsonObject, key: string): string {
  const value = body[key]
  return typeof value === 'string' ? value : ''
}
