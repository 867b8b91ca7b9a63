import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { messageOf } from '../contracts/errors.js'
import { EngineProbeError } from './errors.js'

type Pem = string | Buffer

/** Where an engine's API is and how to prove who we are. PEM texts, not paths. */
export interface EngineTarget {
  readonly host: string
  readonly port: number
  readonly ca: Pem
  readonly cert: Pem
  readonly key: Pem
  /** Name or address that the server certificate must carry; `host` when absent. */
  readonly serverName?: string
  /**
   * Judges the engine's certificate in the place of OpenSSL, which then knows no authority (`plain-trust.ts`). Where it
   * says no, nothing was sent and nothing is known.
   */
  readonly trusts?: (socket: TLSSocket, target: EngineTarget) => boolean
}

/** As it is written in texts. */
export function placeOf({ host, port }: EngineTarget): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

const KEPT_CONTEXTS = 16
const contexts = new Map<string, SecureContext>()

/** Parsing keys costs more than a request: all machines of a store share one client pair, hence one context. */
export function secureContextOf(target: EngineTarget): SecureContext {
  if (target.trusts) return makeContext({ ...target, ca: [] })
  const hash = createHash('sha256')
  for (const part of [target.ca, target.cert, target.key]) hash.update(part).update('\0')
  const id = hash.digest('base64')
  const known = contexts.get(id)
  if (known) return known
  const made = makeContext(target)
  if (contexts.size >= KEPT_CONTEXTS) contexts.clear()
  contexts.set(id, made)
  return made
}

function makeContext({ ca, cert, key }: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>): SecureContext {
  try {
    return createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' })
  } catch (error) {
    throw new EngineProbeError(
      'tls',
      'client-files',
      `The client certificate files cannot be used: ${messageOf(error)}`,
      {
        cause: error,
        hints: ['Write them again: tsmachine provision NAME'],
      },
    )
  }
}
