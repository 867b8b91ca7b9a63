import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Server, WantedServer } from '../src/api.js'

export const TOKEN = 'a-token-of-the-double'

type Kept = { -readonly [Key in keyof Server]: Server[Key] }

/** A double of the provider: its API on the loopback address, its servers in memory. Shape it like the real one. */
export class Provider {
  readonly servers: Kept[] = []
  /** Requests so far, as `GET /servers`. */
  readonly requests: string[] = []
  /** What goes wrong with the next requests of a kind: nothing is answered after it was done, or 503 before. */
  readonly faults: { request: string; kind: 'lost' | 'busy' }[] = []
  #last = 0

  private constructor(private readonly http: HttpServer) {
    http.on('request', (request, response) => void this.#answer(request, response))
  }

  static async start(port = 0): Promise<Provider> {
    const http = createServer()
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
    return new Provider(http)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`
  }

  stop(): void {
    this.http.close()
    this.http.closeAllConnections()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const body = await text(request)
    const name = `${method} ${url}`
    this.requests.push(name)
    const at = this.faults.findIndex((fault) => name.startsWith(fault.request))
    const [fault] = at < 0 ? [] : this.faults.splice(at, 1)
    if (fault?.kind === 'busy') return send(response, 503, {})
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return send(response, 401, { error: 'who are you?' })
    const [status, answer] = this.#act(method, url.split('/').slice(1), body)
    if (fault?.kind === 'lost') request.socket.destroy()
    else send(response, status, answer)
  }

  #act(method: string, [kind, id, verb]: readonly string[], body: string): [number, unknown] {
    if (kind === 'regions') return [200, { regions: ['north', 'south'] }]
    if (kind !== 'servers') return [404, { error: 'no such thing' }]
    if (id === undefined && method === 'GET') return [200, { servers: this.#list() }]
    if (id === undefined) return [201, this.#make(JSON.parse(body) as WantedServer)]
    const server = this.servers.find((each) => each.id === id)
    if (!server) return [404, { error: `no server ${id}` }]
    if (method === 'DELETE') this.servers.splice(this.servers.indexOf(server), 1)
    else server.state = verb === 'start' ? 'running' : 'stopped'
    return [200, server]
  }

  #make({ name, tags }: WantedServer): Kept {
    const id = String(++this.#last)
    const server: Kept = { id, name, tags, state: 'starting', address: '127.0.0.1' }
    this.servers.push(server)
    return { ...server }
  }

  /** A server runs when it has been asked for once. */
  #list(): Kept[] {
    const seen = this.servers.map((server) => ({ ...server }))
    for (const server of this.servers) if (server.state === 'starting') server.state = 'running'
    return seen
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
