import { isIP } from 'node:net'
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { secureContextOf, type EngineTarget } from './target.js'

/** How every connection to an engine is made: both sides prove who they are, and no session is kept. */
export function connectionOptions(target: EngineTarget): ConnectionOptions {
  const name = target.serverName ?? target.host
  return {
    secureContext: secureContextOf(target),
    servername: isIP(name) ? '' : name,
    rejectUnauthorized: target.trusts === undefined,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
  }
}

/**
 * A connection that looks at the engine's own certificate alone: for `checkServerIdentity` Node takes the whole chain
 * apart, which costs as much as the handshake.
 */
export function lightConnect(options: ConnectionOptions): TLSSocket {
  const socket = connect(options)
  const whole = socket.getPeerCertificate.bind(socket)
  socket.getPeerCertificate = () => whole(false) as never
  return socket
}
