/** Between a client and an API of this computer: the request arrives, and something happens to its answer. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

type Damage = (answer: Answer, response: ServerResponse) => void

const HTML =
  '<html><head><title>Welcome</title></head><body>Log in to the network of this hotel</body></html>'
const half = (body: Buffer): Buffer => body.subarray(0, Math.ceil(body.length / 2))

/** What may become of an answer. */
export const DAMAGES = {
  'never arrives': (_answer, response) => void response.socket?.resetAndDestroy(),
  'ends before its first byte': (_answer, response) => void response.socket?.destroySoon(),
  'breaks in its middle': ({ status, type, body }, response) => {
    response.writeHead(status, { 'content-type': type, 'content-length': body.length + 1 })
    response.write(half(body), () => response.socket?.resetAndDestroy())
  },
  'ends in its middle, and nothing says that it does': ({ status, type, body }, response) => {
    const head = `HTTP/1.1 ${status} OK\r\ncontent-type: ${type}\r\nconnection: close\r\n\r\n`
    response.socket?.end(Buffer.concat([Buffer.from(head), half(body)]))
  },
  'is a page of the network': (_answer, response) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end(HTML),
  'leads elsewhere': (_answer, response) =>
    void response.writeHead(302, { location: 'http://127.0.0.1:9/login?from=here' }).end(),
  'is compressed, with a fault': ({ status, type, body }, response) => {
    const packed = gzipSync(body)
    packed.fill(0xff, 10, Math.max(12, packed.length - 4))
    response.writeHead(status, { 'content-type': type, 'content-encoding': 'gzip' }).end(packed)
  },
  'is half of what was compressed': ({ status, type, body }, response) =>
    void response
      .writeHead(status, { 'content-type': type, 'content-encoding': 'gzip' })
      .end(half(gzipSync(body))),
} as const satisfies Record<string, Damage>

export type DamageName = keyof typeof DAMAGES

export class DamagingProxy {
  /** Requests so far. */
  count = 0
  /** What happens to the answers of which requests, counted from 1. */
  damage: { readonly name: DamageName; readonly at: number; readonly times: number } | undefined
  readonly #server: Server

  private constructor(private readonly target: URL) {
    this.#server = createServer((asked, response) => void this.#serve(asked, response))
  }

  static async to(url: string): Promise<DamagingProxy> {
    const proxy = new DamagingProxy(new URL(url))
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The same endpoint through it. */
  get url(): string {
    return `http://127.0.0.1:${this.port}${this.target.pathname.replace(/\/$/, '')}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #serve(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    const { name, at, times } = this.damage ?? { at: Infinity, times: 0 }
    const index = ++this.count
    const answer = await this.#pass(asked)
    if (name !== undefined && index >= at && index < at + times) DAMAGES[name](answer, response)
    else response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body)
  }

  #pass(asked: IncomingMessage): Promise<Answer> {
    const { method = 'GET', url = '', headers } = asked
    const { hostname, port } = this.target
    return new Promise((resolve, reject) => {
      const passed = request({ host: hostname, port, method, path: url, headers, agent: false }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const type = answer.headers['content-type'] ?? 'application/json'
          resolve({ status: answer.statusCode ?? 0, type, body: Buffer.concat(chunks) })
        })
      })
      passed.on('error', reject)
      asked.pipe(passed)
    })
  }
}
