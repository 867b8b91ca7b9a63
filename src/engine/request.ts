import type { ClientRequest, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { isIP } from 'node:net'
import { checkServerIdentity, type TLSSocket } from 'node:tls'
import { LightAgent } from './light-agent.js'
import { after } from '../util/wait.js'
import { classify, EngineProbeError, timeoutError, type Progress } from './errors.js'
import { secureContextOf, type EngineTarget } from './target.js'

export interface RequestLimits {
  readonly signal?: AbortSignal
  /** Milliseconds for the whole request; for a stream, until its first byte. */
  readonly deadlineMs?: number
}

const DEADLINE_MS = 10_000
const LONGEST_BODY = 32 * 1024 * 1024
const KEEPALIVE_MS = 30_000

/** Requests over one kept connection to one engine, with mutual TLS. `close` it when done. */
export class EngineConnection {
  readonly #agent: LightAgent
  readonly #target: EngineTarget
  readonly where: string

  constructor(target: EngineTarget) {
    const name = target.serverName ?? target.host
    this.#target = target
    this.where = isIP(target.host) === 6 ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`
    this.#agent = new LightAgent({
      keepAlive: true,
      maxSockets: 1,
      maxCachedSessions: 0,
      secureContext: secureContextOf(target),
      servername: isIP(name) ? '' : name,
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
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
      sent.once('socket', (socket) => watch.follow(socket as TLSSocket))
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

/** Deadline, abort and progress of one request. Nothing of it is left when it is over: `ls` makes thousands. */
class Watch {
  readonly #where: string
  readonly #limits: RequestLimits
  readonly #progress: Progress = { connected: false, secured: false }
  readonly #endDeadline: () => void
  #request: ClientRequest | undefined
  #expired = false

  constructor(where: string, limits: RequestLimits) {
    this.#where = where
    this.#limits = limits
    this.#endDeadline = after(limits.deadlineMs ?? DEADLINE_MS, () => {
      this.#expired = true
      this.#stop()
    })
    limits.signal?.addEventListener('abort', this.#stop, { once: true })
  }

  begin(request: ClientRequest): void {
    this.#request = request
    if (this.#expired || this.#limits.signal?.aborted) this.#stop()
  }

  follow(socket: TLSSocket): void {
    socket.setKeepAlive(true, KEEPALIVE_MS)
    if (socket.getProtocol?.() !== null && !socket.connecting) {
      Object.assign(this.#progress, { connected: true, secured: true })
      return
    }
    socket.once('connect', () => (this.#progress.connected = true))
    socket.once('secureConnect', () => Object.assign(this.#progress, { connected: true, secured: true }))
  }

  /** It is a stream. */
  endDeadline(): void {
    this.#endDeadline()
  }

  /** The answer is complete. */
  release(): void {
    this.#endDeadline()
    this.#limits.signal?.removeEventListener('abort', this.#stop)
  }

  translate(error: unknown): unknown {
    if (this.#limits.signal?.aborted) return this.#limits.signal.reason
    if (error instanceof EngineProbeError) return error
    if (this.#expired)
      return timeoutError(this.#where, this.#limits.deadlineMs ?? DEADLINE_MS, this.#progress)
    return classify(error, this.#where, this.#progress)
  }

  readonly #stop = (): void => {
    this.#request?.destroy(new Error('the request was ended'))
  }
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

function statusError(where: string, path: string, status: number, body: string): EngineProbeError {
  const text = `The engine at ${where} answered ${path} with HTTP status ${status}`
  return new EngineProbeError('http', 'status', text, body ? { evidence: body.slice(0, 500) } : {}, status)
}
