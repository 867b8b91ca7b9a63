import { createServer, type Server } from 'node:net'
import { MachineError, messageOf } from '../../../contracts/errors.js'
import { isOwnPeer } from '../../../util/peer.js'
import { DEFAULT_LIMITS, type GobLimits } from './gob/limits.js'
import type { PluginHandlers, PluginMethod } from './plugin-api.js'
import { ServerCalls } from './server-calls.js'
import { ServerConnection } from './server-connection.js'

const HOST = '127.0.0.1'
const MAX_CONNECTIONS = 16

export interface PluginServerOptions {
  /** Told each call before it is carried out: whoever serves watches the heartbeat by it. */
  readonly onCall?: (method: PluginMethod) => void
  readonly limits?: GobLimits
}

/** Offers a driver as docker-machine's driver plugins do, to clients on this computer. */
export class PluginServer {
  readonly #server: Server
  readonly #connections = new Set<ServerConnection>()

  constructor(handlers: PluginHandlers, { onCall, limits = DEFAULT_LIMITS }: PluginServerOptions = {}) {
    const calls = new ServerCalls(handlers, onCall ?? (() => undefined))
    this.#server = createServer({ noDelay: true }, (socket) => {
      // The protocol has no password: whoever gets through could have files written as this user.
      if (!isOwnPeer(socket)) return void socket.destroy()
      const connection = new ServerConnection(socket, calls, limits)
      this.#connections.add(connection)
      void connection.closed.then(() => this.#connections.delete(connection))
    })
    this.#server.maxConnections = MAX_CONNECTIONS
  }

  /** Begins to listen on a port that the system chooses. @throws MachineError `driver` */
  async listen(): Promise<{ readonly host: typeof HOST; readonly port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(
          new MachineError('driver', `Cannot listen for the driver's client: ${messageOf(cause)}`, { cause }),
        ),
      )
      this.#server.listen(0, HOST, resolve)
    })
    const address = this.#server.address()
    if (address === null || typeof address === 'string')
      throw new MachineError('bug', 'A socket without port')
    return { host: HOST, port: address.port }
  }

  /** Ends all connections, after a moment for calls that are answered just now: `Close` is such a call. */
  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await Promise.all([...this.#connections].map((connection) => connection.close()))
    await ended
  }
}
