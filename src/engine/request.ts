import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { EngineProbeError } from './errors.js'
import { LightAgent } from './light-agent.js'
import { connectionOptions } from './light-connect.js'
import { placeOf, type EngineTarget } from './target.js'
import { type RequestLimits, statusError, Watch } from './watch.js'

export type { RequestLimits } from './watch.js'

const KEEPALIVE_MS = 30_000
const LONGEST_BODY = 32 * 1024 * 1024

/** Requests over one kept connection to one engine, with mutual TLS. `close` it when done. */
export class EngineConnection {
  readonly #agent: LightAgent
  readonly #target: EngineTarget
  readonly where: string

  constructor(target: EngineTarget) {
    this.#target = target
    this.where = placeOf(target)
    this.#agent = new LightAgent({
      keepAlive: true,
      maxSockets: 1,
      maxCachedSessions: 0,
      ...connectionOptions(target),
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  /** The body of a successful GET. @throws EngineProbeError */
  async text(path: string, limits: RequestLimits = {}): Promise<string> {
    const { response, done } = await this.#ask({ path }, limits)
    try {
      return await readBody(response)
    } catch (error) {
      throw done.translate(error)
    } finally {
      done.release()
    }
  }

  /** The body of a successful GET as JSON. @throws EngineProbeError */
  async json(path: string, limits: RequestLimits = {}): Promise<unknown> {
    const text = await this.text(path, limits)
    try {
      return JSON.parse(text)
    } catch (error) {
      throw new EngineProbeError(
        'http',
        'protocol',
        `The engine at ${this.where} answered ${path} with no JSON`,
        {
          cause: error,
          evidence: text.slice(0, 200),
        },
      )
    }
  }

  /** The same, undefined where there is no such thing. @throws EngineProbeError */
  async jsonIfThere(path: string, limits: RequestLimits = {}): Promise<unknown> {
    try {
      return await this.json(path, limits)
    } catch (error) {
      if (error instanceof EngineProbeError && error.status === 404) return undefined
      throw error
    }
  }

  /** A request that changes something; the answer's body. @throws EngineProbeError with the engine's words */
  async send(
    method: 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    limits: RequestLimits = {},
  ): Promise<string> {
    const { response, done } = await this.#ask({ method, path, body }, limits)
    try {
      return await readBody(response)
    } catch (error) {
      throw done.translate(error)
    } finally {
      done.release()
    }
  }

  /** An endless answer; the deadline counts until its head. Ended by the signal, which is thrown then. */
  async *stream(path: string, limits: RequestLimits & { onOpen?: () => void } = {}): AsyncGenerator<string> {
    const { response, done } = await this.#ask({ path }, limits)
    done.endDeadline()
    limits.onOpen?.()
    response.setEncoding('utf8')
    try {
      for await (const chunk of response) yield chunk as string
    } catch (error) {
      throw done.translate(error)
    } finally {
      done.release()
      response.destroy()
    }
  }

  async #ask(question: Question, limits: RequestLimits): Promise<{ response: IncomingMessage; done: Watch }> {
    limits.signal?.throwIfAborted()
    const watch = new Watch(this.where, limits)
    try {
      const response = await this.#send(question, watch)
      const status = response.statusCode ?? 0
      if (isGood(status)) return { response, done: watch }
      throw statusError(this.where, question.path, status, await readBody(response))
    } catch (error) {
      watch.release()
      throw watch.translate(error)
    }
  }

  #send({ method, path, body }: Question, watch: Watch): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { host, port } = this.#target
      const text = body === undefined ? undefined : JSON.stringify(body)
      const headers =
        text === undefined
          ? {}
          : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }
      const sent = request({
        ...{ host, port, method: method ?? 'GET', path, headers, agent: this.#agent },
      })
      watch.begin(sent)
      sent.once('socket', (socket) => {
        socket.setKeepAlive(true, KEEPALIVE_MS)
        watch.follow(socket as TLSSocket)
      })
      sent.once('error', reject)
      sent.once('response', resolve)
      sent.end(text)
    })
  }
}

interface Question {
  readonly method?: 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

/** 304: it was so already. */
function isGood(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > LONGEST_BODY) throw new Error('the answer is too long')
  }
  return Buffer.concat(chunks).toString('utf8')
}
