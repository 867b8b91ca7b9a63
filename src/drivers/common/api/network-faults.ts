/** What went wrong on the way to a provider, in words, with what helps. */
import { messageOf } from '../../../contracts/errors.js'
import { errnoOf } from '../../../util/file-error.js'

interface Reason {
  readonly text: string
  readonly hint: string
  /** Another attempt may help. */
  readonly passing?: true
}

const CONNECTION = 'Check the connection and the proxy settings (HTTPS_PROXY, NO_PROXY), then try again.'
const CLOCK = "Compare this computer's clock with the real time: certificates are valid for a time."
const unknownIssuer: Reason = {
  text: 'its certificate is by an authority that this computer does not know',
  hint: "If that is a proxy's or your own authority: put its certificate into a file and set NODE_EXTRA_CA_CERTS=FILE.",
}
const refused: Reason = { text: 'the connection was refused', hint: CONNECTION, passing: true }
const noAnswer: Reason = { text: 'it does not answer', hint: CONNECTION, passing: true }
const noRoute: Reason = { text: 'there is no route to it', hint: CONNECTION, passing: true }
const broken: Reason = { text: 'the connection broke', hint: CONNECTION, passing: true }
const noTls: Reason = {
  text: 'what answers there does not speak TLS',
  hint: 'Check the URL of the endpoint.',
}

/** By Node's and OpenSSL's codes. */
const REASONS: Readonly<Record<string, Reason>> = {
  ENOTFOUND: {
    text: 'its name is unknown',
    hint: 'Check the URL of the endpoint and the DNS settings of this computer.',
    passing: true,
  },
  EAI_AGAIN: {
    text: 'its name cannot be looked up',
    hint: 'Check the DNS settings of this computer.',
    passing: true,
  },
  ECONNREFUSED: refused,
  ETIMEDOUT: noAnswer,
  ECONNABORTED: noAnswer,
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  ECONNRESET: broken,
  EPIPE: broken,
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  SELF_SIGNED_CERT_IN_CHAIN: unknownIssuer,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
  CERT_HAS_EXPIRED: { text: 'its certificate has expired', hint: CLOCK },
  CERT_NOT_YET_VALID: { text: 'its certificate is not valid yet', hint: CLOCK },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    text: 'its certificate is for another name',
    hint: 'Something else answers there: check the URL of the endpoint, DNS and proxies.',
  },
}

/** A fault of the network as messages and decisions need it. */
export interface NetworkFault {
  readonly text: string
  readonly hints: readonly string[]
  readonly passing: boolean
}

/** Explains an error of a socket. `at` is the time by this computer's clock. */
export function networkFault(error: unknown, at: Date): NetworkFault {
  const cause = deepest(error)
  const reason = REASONS[errnoOf(cause) ?? '']
  if (!reason) return { text: messageOf(cause), hints: [CONNECTION], passing: true }
  const hint = reason.hint === CLOCK ? `${CLOCK} It says ${at.toISOString()}.` : reason.hint
  return { text: `${reason.text} (${messageOf(cause)})`, hints: [hint], passing: reason.passing ?? false }
}

/** axios and Node (one error for several addresses) wrap what really happened. */
function deepest(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return deepest(error.errors[0])
  if (error instanceof Error && error.cause instanceof Error) return deepest(error.cause)
  return error
}
