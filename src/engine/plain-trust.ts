import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { EngineTarget } from './target.js'

/** Extended key usage "TLS web server authentication". Source: RFC 5280, 4.2.1.12. */
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1'

/**
 * Whether an engine is surely whom we look for, where that is plain to see: one authority, which signed the engine's own
 * certificate itself. False is no verdict, OpenSSL has to give one. That takes 20 ms more, nearly a start of Node: with the
 * first authority that it is given, Node reads its own 150.
 */
export function isPlainlyTrusted(
  socket: Pick<TLSSocket, 'getPeerX509Certificate'>,
  { ca, host, serverName }: EngineTarget,
): boolean {
  const leaf = socket.getPeerX509Certificate()
  if (!leaf || String(ca).split('-----BEGIN').length !== 2) return false
  const authority = new X509Certificate(ca)
  const name = serverName ?? host
  return (
    authority.ca &&
    [authority, leaf].every(isInForce) &&
    leaf.checkIssued(authority) &&
    leaf.verify(authority.publicKey) &&
    // What Node calls so is the extended one.
    leaf.keyUsage?.includes(SERVER_AUTHENTICATION) === true &&
    (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined
  )
}

function isInForce({ validFrom, validTo }: X509Certificate): boolean {
  const now = Date.now()
  return Date.parse(validFrom) <= now && now < Date.parse(validTo)
}
