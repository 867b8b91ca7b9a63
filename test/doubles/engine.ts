/** An engine API good enough for our probes and for the real docker client: mutual TLS, on 127.0.0.1 only. */
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface FakeEngineOptions {
  /** PEM texts: the CA that clients must be of, and the server pair. */
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly version?: string
  readonly apiVersion?: string
  readonly minApiVersion?: string
  readonly port?: number
  /** Answers of `/containers/json`; may be changed while it runs. */
  readonly containers?: unknown[]
}

/** What `more` answers. */
export interface MoreAnswer {
  readonly status: number
  readonly body?: unknown
}

export class FakeEngine {
  readonly requests: string[] = []
  readonly containers: unknown[]
  /** Asked first: an answer, or undefined for the usual one. */
  more: ((method: string, url: URL, body: string) => MoreAnswer | undefined) | undefined
  /** Answers each request with this status while set. */
  failWith: number | undefined
  /** Accepts requests and never answers while set. */
  silent = false
  /** Called before each handshake: where certificates are read anew. */
  beforeHandshake: (() => void) | undefined
  /** How many clients were connected at the same time, at the most. */
  peak = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #listeners = new Set<ServerResponse>()
  readonly #options: FakeEngineOptions

  private constructor(options: FakeEngineOptions) {
    this.#options = options
    this.containers = options.containers ?? []
    this.#server = createServer(
      { ca: options.ca, cert: options.cert, key: options.key, requestCert: true, rejectUnauthorized: true },
      (request, response) => void this.#receive(request, response),
    )
    this.#server.prependListener('connection', () => this.beforeHandshake?.())
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      this.peak = Math.max(this.peak, this.#sockets.size)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(options: FakeEngineOptions): Promise<FakeEngine> {
    const engine = new FakeEngine(options)
    await new Promise<void>((resolve, reject) => {
      engine.#server.once('error', reject)
      engine.#server.listen(options.port ?? 0, '127.0.0.1', resolve)
    })
    return engine
  }

  /** As an engine that was restarted with other files. */
  show(files: Pick<FakeEngineOptions, 'ca' | 'cert' | 'key'>): void {
    this.#server.setSecureContext(files)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** How many clients are connected now. */
  get open(): number {
    return this.#sockets.size
  }

  /** How many clients listen for events now. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** Sends a container event to all listeners; a number cuts its line there, so that it arrives in two pieces. */
  emit(action: string, id: string, cut?: number): void {
    const line = `${JSON.stringify({ Type: 'container', Action: action, Actor: { ID: id, Attributes: { name: `name-${id}` } }, time: 1 })}\n`
    for (const listener of this.#listeners) {
      listener.write(line.slice(0, cut))
      if (cut !== undefined) setTimeout(() => listener.write(line.slice(cut)), 20)
    }
  }

  /** Ends all event streams, as an engine does when it stops. */
  endStreams(): void {
    for (const listener of this.#listeners) listener.end()
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const url = new URL(request.url ?? '', 'https://engine')
    const answer = this.more?.(request.method ?? '', url, body)
    if (!answer) return this.#answer(request, response)
    this.requests.push(`${request.method} ${request.url}`)
    const content = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? '')
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(content)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').replace(/^\/v\d+\.\d+(?=\/)/, '').split('?', 1)[0]
    this.requests.push(request.url ?? '')
    if (this.silent) return
    if (this.failWith !== undefined) {
      response.writeHead(this.failWith).end('{"message":"the double was told to fail"}')
      return
    }
    response.setHeader('Api-Version', this.#options.apiVersion ?? '1.47')
    response.setHeader('Ostype', 'linux')
    if (path === '/_ping') response.end(request.method === 'HEAD' ? '' : 'OK')
    else if (path === '/events') this.#listen(response)
    else
      this.#json(
        response,
        path === '/version' ? this.#version() : path === '/info' ? this.#info() : this.containers,
      )
  }

  #listen(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.flushHeaders()
    this.#listeners.add(response)
    response.on('close', () => this.#listeners.delete(response))
  }

  #json(response: ServerResponse, body: unknown): void {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  }

  #version(): unknown {
    const version = this.#options.version ?? '27.5.1'
    return {
      Version: version,
      ApiVersion: this.#options.apiVersion ?? '1.47',
      MinAPIVersion: this.#options.minApiVersion ?? '1.24',
      Os: 'linux',
      Arch: 'amd64',
      KernelVersion: '6.12.0',
      GitCommit: 'double',
      GoVersion: 'go1.24',
      BuildTime: '2026-01-01T00:00:00.000000000+00:00',
      Components: [
        { Name: 'Engine', Version: version, Details: { ApiVersion: '1.47', Os: 'linux', Arch: 'amd64' } },
      ],
    }
  }

  #info(): unknown {
    return {
      ID: 'double',
      Name: 'double',
      ServerVersion: this.#options.version ?? '27.5.1',
      OSType: 'linux',
      NCPU: 2,
    }
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
