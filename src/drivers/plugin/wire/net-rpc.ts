import { asCount, asStruct, asText } from './fields.js'
import { GobError, GobStruct, type GobValue } from './gob/values.js'

/** What Go's `net/rpc` puts around gob: an HTTP greeting, and an envelope in front of every value. */

export const SERVICE = 'RPCServerDriver'
/** Its name before docker-machine 0.5.1. */
export const OLD_SERVICE = 'RpcServerDriver'

export const CONNECT_REQUEST = 'CONNECT /_goRPC_ HTTP/1.0\n\n'
export const CONNECT_REPLY = 'HTTP/1.0 200 Connected to Go RPC\n\n'

const MAX_GREETING_BYTES = 8_192
const END_OF_GREETING = /\r?\n\r?\n/

/** Collects the lines of an HTTP greeting up to the empty one. */
export class GreetingReader {
  #seen = Buffer.alloc(0)

  /** The greeting and what came after it, once it is whole. @throws GobError when it has no end */
  push(chunk: Buffer): { readonly greeting: string; readonly rest: Buffer } | undefined {
    this.#seen = Buffer.concat([this.#seen, chunk])
    const text = this.#seen.toString('latin1', 0, MAX_GREETING_BYTES)
    const end = END_OF_GREETING.exec(text)
    if (end) {
      const rest = this.#seen.subarray(end.index + end[0].length)
      return { greeting: text.slice(0, end.index), rest }
    }
    if (this.#seen.length >= MAX_GREETING_BYTES)
      throw new GobError(`no end of the greeting in ${MAX_GREETING_BYTES} bytes`)
    return undefined
  }

  /** The first line so far. */
  get firstLine(): string {
    return this.#seen.toString('latin1', 0, 200).split(/\r?\n/)[0] ?? ''
  }
}

/** A Request, or a Response with its error, which is empty for none. */
export interface Envelope {
  /** Service and method with a dot between them. */
  readonly serviceMethod: string
  /** Number of the call: replies come in any order. */
  readonly sequence: number
  readonly error: string
}

export function encodeEnvelope({ serviceMethod, sequence, error }: Envelope): GobStruct {
  const fields: [string, GobValue][] = [
    ['ServiceMethod', serviceMethod],
    ['Seq', sequence],
    ['Error', error],
  ]
  return new GobStruct('', new Map(fields))
}

/** @throws GobError when it is none */
export function decodeEnvelope(value: GobValue): Envelope {
  const { fields } = asStruct(value)
  return {
    serviceMethod: asText(fields.get('ServiceMethod')),
    sequence: asCount(fields.get('Seq')),
    error: asText(fields.get('Error')),
  }
}

/** Puts the values of a stream together: each envelope with the value after it. */
export class Pairs {
  #envelope: Envelope | undefined

  /** @throws GobError when an envelope is none */
  push(value: GobValue): { readonly envelope: Envelope; readonly body: GobValue } | undefined {
    const envelope = this.#envelope
    this.#envelope = envelope ? undefined : decodeEnvelope(value)
    return envelope && { envelope, body: value }
  }
}
