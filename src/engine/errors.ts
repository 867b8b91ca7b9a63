import { MachineError, messageOf, type ErrorDetails } from '../contracts/errors.js'

/** How far a request came: no connection, no trust (certificates), or an answer that is none. */
export type EngineLayer = 'tcp' | 'tls' | 'http'

export type EngineFailure =
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'reset'
  | 'name'
  | 'expired'
  | 'not-yet-valid'
  | 'wrong-ca'
  | 'name-mismatch'
  | 'client-refused'
  | 'client-files'
  | 'not-tls'
  | 'status'
  | 'protocol'

/** The engine API cannot be used; `code` is `tls` for the layer `tls`, else `engine`. */
export class EngineProbeError extends MachineError {
  readonly layer: EngineLayer
  readonly reason: EngineFailure
  /** HTTP status, for reason `status`. */
  readonly status: number | undefined

  constructor(
    layer: EngineLayer,
    reason: EngineFailure,
    message: string,
    details: ErrorDetails = {},
    status?: number,
  ) {
    super(layer === 'tls' ? 'tls' : 'engine', message, details)
    this.layer = layer
    this.reason = reason
    this.status = status
  }

  override with(details: ErrorDetails): EngineProbeError {
    const { hints, evidence, stage, machine, cause } = super.with(details)
    const all = {
      hints,
      cause,
      ...(evidence === undefined ? {} : { evidence }),
      ...(stage === undefined ? {} : { stage }),
      ...(machine === undefined ? {} : { machine }),
    }
    return new EngineProbeError(this.layer, this.reason, this.message, all, this.status)
  }
}

interface Row {
  readonly layer: EngineLayer
  readonly reason: EngineFailure
  readonly text: string
  readonly hint?: string
}

const RENEW = 'Renew it: tsmachine provision NAME'
const wrongCa: Row = {
  layer: 'tls',
  reason: 'wrong-ca',
  text: 'its certificate is not signed by the CA of this store',
  hint: 'Give it one of this store: tsmachine provision NAME (or use the store that made the machine)',
}
const clientRefused: Row = {
  layer: 'tls',
  reason: 'client-refused',
  text: 'it refused our client certificate',
  hint: 'The engine trusts another CA, or its clock is wrong: tsmachine provision NAME',
}

/** By the engine's clock, which may be the one that is wrong. */
const clientOutOfTime: Row = {
  layer: 'tls',
  reason: 'client-refused',
  text: 'by its clock our client certificate has expired or is not valid yet',
  hint: 'Have its clock looked at, and the certificate: tsmachine provision NAME',
}

const notTls: Row = { layer: 'tls', reason: 'not-tls', text: 'what answers there does not speak TLS' }

/** Node's names of failures. */
const ROWS: Readonly<Record<string, Row>> = {
  ECONNREFUSED: { layer: 'tcp', reason: 'refused', text: 'connection refused' },
  EHOSTUNREACH: { layer: 'tcp', reason: 'unreachable', text: 'no route to host' },
  ENETUNREACH: { layer: 'tcp', reason: 'unreachable', text: 'network unreachable' },
  EHOSTDOWN: { layer: 'tcp', reason: 'unreachable', text: 'host is down' },
  EAI_AGAIN: { layer: 'tcp', reason: 'unreachable', text: 'the name server does not answer' },
  ENOTFOUND: { layer: 'tcp', reason: 'name', text: 'unknown host name' },
  ETIMEDOUT: { layer: 'tcp', reason: 'timeout', text: 'connection timed out' },
  CERT_HAS_EXPIRED: {
    layer: 'tls',
    reason: 'expired',
    text: 'its certificate (or its CA) has expired',
    hint: RENEW,
  },
  CERT_NOT_YET_VALID: {
    layer: 'tls',
    reason: 'not-yet-valid',
    text: 'its certificate is not valid yet',
    hint: 'Check the clock of this computer: date',
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: wrongCa,
  UNABLE_TO_GET_ISSUER_CERT: wrongCa,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: wrongCa,
  SELF_SIGNED_CERT_IN_CHAIN: wrongCa,
  DEPTH_ZERO_SELF_SIGNED_CERT: wrongCa,
  CERT_SIGNATURE_FAILURE: wrongCa,
  INVALID_CA: wrongCa,
  INVALID_PURPOSE: {
    layer: 'tls',
    reason: 'wrong-ca',
    text: 'its certificate is none for servers',
    hint: 'Somebody else may answer there. If it is your engine: tsmachine provision NAME',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    layer: 'tls',
    reason: 'name-mismatch',
    text: 'its certificate is not valid for this address',
    hint: RENEW,
  },
}

/** What a request had reached when it failed. */
export interface Progress {
  connected: boolean
  secured: boolean
}

/** Turns what a request threw into our error. */
export function classify(error: unknown, where: string, progress: Progress): EngineProbeError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const row =
    ROWS[code] ?? fromVerifier(code, error) ?? fromOpenssl(code, error) ?? byProgress(error, progress)
  return new EngineProbeError(row.layer, row.reason, `Cannot reach the engine at ${where}: ${row.text}`, {
    cause: error,
    ...(row.hint ? { hints: [row.hint] } : {}),
  })
}

/** What OpenSSL found wrong with a certificate and none of the rows has; Node calls a part of it UNSPECIFIED. */
const VERIFIER = /^(UNSPECIFIED$|CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH$)/

function fromVerifier(code: string, error: unknown): Row | undefined {
  return VERIFIER.test(code)
    ? { ...wrongCa, text: `its certificate was refused (${messageOf(error)})` }
    : undefined
}

/**
 * OpenSSL's reasons, which Node puts into the code or, under EPROTO, only into the message. With TLS 1.3 the server's
 * judgement of our certificate comes as an alert after the handshake.
 */
function fromOpenssl(code: string, error: unknown): Row | undefined {
  if (!code.startsWith('ERR_SSL_') && code !== 'EPROTO') return undefined
  const text = `${code} ${messageOf(error)}`.replaceAll('_', ' ').toLowerCase()
  if (text.includes('alert certificate expired')) return clientOutOfTime
  if (/alert (bad certificate|unknown ca|certificate|unsupported cert|access denied)/.test(text))
    return clientRefused
  if (/wrong version number|packet length too long|http request/.test(text)) return notTls
  return { layer: 'tls', reason: 'protocol', text: `the TLS handshake failed (${messageOf(error).trim()})` }
}

/** A port forward of QEMU accepts at once and closes when nothing listens in the guest: that is no TLS failure. */
function byProgress(error: unknown, progress: Progress): Row {
  if (progress.secured)
    return { layer: 'http', reason: 'protocol', text: `no proper answer (${messageOf(error)})` }
  const text = progress.connected ? 'the connection was closed before the engine spoke' : messageOf(error)
  return { layer: 'tcp', reason: 'reset', text }
}

/** Nothing came in time. */
export function timeoutError(where: string, ms: number, progress: Progress): EngineProbeError {
  const text = progress.secured
    ? 'it accepted the request but did not answer'
    : progress.connected
      ? 'the port is open but nothing spoke'
      : 'no connection'
  const layer = progress.secured ? 'http' : 'tcp'
  return new EngineProbeError(
    layer,
    'timeout',
    `Cannot reach the engine at ${where}: ${text} within ${seconds(ms)}`,
  )
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
