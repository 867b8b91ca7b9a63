import { Agent } from 'node:https'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { lightConnect } from './light-connect.js'

export class LightAgent extends Agent {
  override createConnection(options: ConnectionOptions): TLSSocket {
    return lightConnect(options)
  }
}
