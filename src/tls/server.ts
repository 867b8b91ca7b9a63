import type { Clock } from '../contracts/clock.js'
import { systemClock } from '../util/clock.js'
import { issueLeaf } from './authority.js'
import type { Signer } from './certificate.js'
import type { PemPair } from './files.js'

export interface ServerRequest {
  readonly ca: Signer
  /** The machine's name: common name of the certificate. */
  readonly name: string
  /** Every name and address by which the engine is reached; doubles are dropped. */
  readonly sans: readonly string[]
  /** Good for a client as well. */
  readonly clientAuth?: boolean
  readonly clock?: Clock
}

/** A server pair for one engine, in PEM; the caller stores it (server.pem, server-key.pem) and sends it to the host. */
export async function issueServer(request: ServerRequest): Promise<PemPair> {
  return await issueLeaf(request.ca, {
    purpose: 'server',
    commonName: request.name,
    sans: request.sans,
    ...(request.clientAuth ? { clientAuth: true } : {}),
    now: (request.clock ?? systemClock).now(),
  })
}
