import { MachineError, messageOf, type ErrorDetails } from '../contracts/errors.js'
import type { HostKeyPins, SshEndpoint } from '../contracts/ssh.js'
import { fingerprint } from './host-key.js'

/** Why there is no connection. */
export type SshFailure =
  'refused' | 'unreachable' | 'timeout' | 'reset' | 'name' | 'auth' | 'host-key' | 'key-file' | 'protocol'

/** Failures that pass by themselves while a host boots or a network settles. */
const PASSING: ReadonlySet<SshFailure> = new Set(['refused', 'unreachable', 'timeout', 'reset'])

/** A failed SSH connection: `code` is `host-key` or `ssh`; `retryable` tells whether trying again can help. */
export class SshError extends MachineError {
  readonly reason: SshFailure
  readonly retryable: boolean

  constructor(reason: SshFailure, message: string, details: ErrorDetails & { retryable?: boolean } = {}) {
    super(reason === 'host-key' ? 'host-key' : 'ssh', message, details)
    this.reason = reason
    this.retryable = details.retryable ?? PASSING.has(reason)
  }

  /** The same failure, of the host that connections go through. */
  ofJump(): SshError {
    const { reason, message, hints, evidence, retryable, cause } = this
    const more = evidence === undefined ? {} : { evidence }
    return new SshError(reason, `Jump host: ${message}`, { hints, retryable, cause, ...more })
  }

  override with(details: ErrorDetails): SshError {
    const merged = super.with(details)
    return new SshError(this.reason, this.message, {
      hints: merged.hints,
      ...(merged.evidence === undefined ? {} : { evidence: merged.evidence }),
      ...(merged.stage === undefined ? {} : { stage: merged.stage }),
      ...(merged.machine === undefined ? {} : { machine: merged.machine }),
      cause: merged.cause,
      exitCode: merged.exitCode,
      retryable: this.retryable,
    })
  }
}

/** Whether another attempt can help; for `retry` in src/util/wait.ts. */
export function isRetryableSsh(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === true
}

/** What a connection said before it ended. */
export interface Heard {
  /** The server's first line, `SSH-2.0-...`. */
  ident: string
  /** Text that the server wants shown before authentication. */
  banner: string
  /** Why the agent gave no key. */
  agent: string
  /** Whether the handshake was over, so that only authentication was left. */
  handshaken: boolean
}

interface NodeOrSsh2Error extends Error {
  code?: unknown
  level?: unknown
}

const BY_CODE: Readonly<Record<string, { reason: SshFailure; text: string }>> = {
  ECONNREFUSED: { reason: 'refused', text: 'connection refused' },
  EHOSTUNREACH: { reason: 'unreachable', text: 'no route to host' },
  ENETUNREACH: { reason: 'unreachable', text: 'network unreachable' },
  EHOSTDOWN: { reason: 'unreachable', text: 'host is down' },
  ETIMEDOUT: { reason: 'timeout', text: 'connection timed out' },
  ECONNRESET: { reason: 'reset', text: 'connection reset' },
  EPIPE: { reason: 'reset', text: 'connection closed' },
  EAI_AGAIN: { reason: 'unreachable', text: 'name server does not answer' },
  ENOTFOUND: { reason: 'name', text: 'unknown host name' },
}

/** Turns what a socket or ssh2 threw into our error. */
export function classify(error: unknown, endpoint: SshEndpoint, heard: Heard): SshError {
  const { code, level } = error as NodeOrSsh2Error
  const known = typeof code === 'string' ? BY_CODE[code] : undefined
  if (known) return new SshError(known.reason, cannot(endpoint, known.text), evidence(heard, error))
  if (level === 'client-authentication') return authError(error, endpoint, heard)
  if (/handshake|protocol/.test(String(level)) && heard.ident.startsWith('SSH-') && !isLost(error))
    return new SshError('protocol', cannot(endpoint, messageOf(error)), evidence(heard, error))
  const text = heard.ident ? messageOf(error) : 'the connection was closed before an SSH server spoke'
  return new SshError('reset', cannot(endpoint, text), evidence(heard, error))
}

function isLost(error: unknown): boolean {
  return /connection lost|socket closed|before handshake/i.test(messageOf(error))
}

function authError(error: unknown, endpoint: SshEndpoint, heard: Heard): SshError {
  const booting = /system is booting up/i.test(heard.banner)
  return new SshError(
    'auth',
    `${where(endpoint)} refused our key${heard.agent ? ` (SSH agent: ${heard.agent})` : ''}`,
    {
      hints: [
        `Check that the public key is in ~${endpoint.user}/.ssh/authorized_keys on the host and that the user is right`,
      ],
      ...evidence(heard, error),
      retryable: booting,
    },
  )
}

/** The loud one: somebody else answers at this address, or the host was set up anew. */
export function hostKeyError(endpoint: SshEndpoint, seen: string, pins: HostKeyPins): SshError {
  const known = [...pins.keys.map(describe), ...(pins.fingerprints ?? [])]
  const expected = known.length > 0 ? known.join(' or ') : 'none is known'
  return new SshError(
    'host-key',
    `THE HOST KEY OF ${endpoint.host}:${endpoint.port} IS NOT THE PINNED ONE. Refused to connect: ` +
      `somebody may be between us and the host, or the host was installed anew. ` +
      `Seen: ${describe(seen)}. Expected: ${expected}.`,
    {
      hints: [
        'Compare the seen fingerprint with that of the host itself (on its console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)',
        'If the host was really installed anew, remove the machine and create it again',
      ],
    },
  )
}

function describe(key: string): string {
  return `${key.split(' ')[0] ?? ''} ${fingerprint(key)}`
}

/** Nothing came in time. */
export function timeoutError(endpoint: SshEndpoint, ms: number, heard: Heard): SshError {
  const text = heard.handshaken
    ? 'authentication did not end'
    : heard.ident
      ? 'the SSH handshake did not end'
      : 'no SSH server answered'
  return new SshError(
    'timeout',
    cannot(endpoint, `${text} within ${(ms / 1000).toFixed(1)} s`),
    evidence(heard),
  )
}

/** A connection that had been made has ended before its work. */
export function lostError({ user, host, port }: SshEndpoint, cause?: Error, exitCode?: number): SshError {
  const why = cause?.message ?? 'the connection ended before the command'
  return new SshError('reset', `Lost the SSH connection to ${user}@${host}:${port}: ${why}`, {
    cause,
    ...(exitCode === undefined ? {} : { exitCode }),
  })
}

function evidence(heard: Heard, cause?: unknown): ErrorDetails {
  const seen = [heard.ident, heard.banner].filter(Boolean).join('\n').trim()
  return { ...(seen ? { evidence: seen } : {}), ...(cause === undefined ? {} : { cause }) }
}

function cannot(endpoint: SshEndpoint, text: string): string {
  return `Cannot connect to ${where(endpoint)} over SSH: ${text}`
}

function where(endpoint: SshEndpoint): string {
  return `${endpoint.user}@${endpoint.host}:${endpoint.port}`
}
