/** The engine of a host that is namespaces: it speaks TLS with the files that its host gave it when it was started last. */
import { existsSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server as HttpsServer } from 'node:https'
import { createServer as listenTcp, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

const PORT = 2376
const API = { ApiVersion: '1.45', MinAPIVersion: '1.24', Os: 'linux', Arch: 'amd64' }

export class InstalledEngine {
  readonly #https: HttpsServer
  readonly #tcp: Server
  readonly #sockets = new Set<Socket>()

  private constructor(private readonly dir: string) {
    const options = { requestCert: true, rejectUnauthorized: true }
    this.#https = createServer(options, (request, response) => this.#answer(request, response))
    this.#https.on('tlsClientError', (_error, socket) => socket.destroy())
    this.#tcp = listenTcp((socket) => this.#accept(socket))
  }

  /** @param dir where its host says that it is up, and with what */
  static async start(address: string, dir: string): Promise<InstalledEngine> {
    const engine = new InstalledEngine(dir)
    await new Promise<void>((resolve, reject) => {
      engine.#tcp.once('error', reject)
      engine.#tcp.listen(PORT, address, resolve)
    })
    return engine
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#tcp.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined)
    if (!existsSync(join(this.dir, 'up'))) return void socket.resetAndDestroy()
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    const read = (name: string): string => readFileSync(join(this.dir, name), 'utf8')
    // The files that were there when the engine was started, which may be others than at the last connection.
    this.#https.setSecureContext({
      ca: read('ca.pem'),
      cert: read('server.pem'),
      key: read('server-key.pem'),
    })
    this.#https.emit('connection', socket)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').replace(/^\/v\d+\.\d+(?=\/)/, '').split('?', 1)[0]
    response.setHeader('Api-Version', API.ApiVersion)
    response.setHeader('Ostype', 'linux')
    if (path === '/_ping') return void response.end(request.method === 'HEAD' ? '' : 'OK')
    const Version = /version ([^\s,]+)/.exec(readFileSync(join(this.dir, 'version'), 'utf8'))?.[1] ?? ''
    const answers: Readonly<Record<string, unknown>> = {
      '/version': { Version, ...API, Components: [{ Name: 'Engine', Version, Details: API }] },
      '/info': { ID: 'installed', Name: 'installed', ServerVersion: Version, OSType: 'linux', NCPU: 2 },
    }
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(answers[path ?? ''] ?? []))
  }
}
