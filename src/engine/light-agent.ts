import { Agent } from 'node:https'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'

/**
 * Connections that look at the engine's own certificate alone: for `checkServerIdentity` Node takes the whole chain
 * apart, which costs as much as the handshake.
 */
export class LightAgent extends Agent {
  override createConnection(options: ConnectionOptions): TLSSocket {
    const socket = connect(options)
    const whole = socket.getPeerCertificate.bind(socket)
    socket.getPeerCertificate = () => whole(false) as never
    return socket
  }
}
