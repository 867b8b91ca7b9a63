import type { Readable } from 'node:stream'
import type { Secret } from './secrets.js'

/** Where a machine's sshd is reached and as whom. */
export interface SshEndpoint {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Host that connections go through; absent: straight. */
  readonly jump?: JumpHost
}

/** A host of the user's that connections go through, with the user's own keys and known hosts. */
export interface JumpHost {
  readonly host: string
  readonly port: number
  readonly user: string
  /** The user's folder of keys and `known_hosts`. */
  readonly sshDir: string
  /** Socket of the SSH agent. */
  readonly agent?: string
}

/**
 * Host keys that a connection accepts, each `ssh-ed25519 AAAA...` (type and base64, no comment). While a rotation is
 * under way there are two: the old and the next one, so no crash in between locks us out.
 */
export interface HostKeyPins {
  readonly keys: readonly string[]
  /** `SHA256:...` of further keys that are accepted. */
  readonly fingerprints?: readonly string[]
  /** Set only where first use is allowed (design 1.1): called once with the key seen, its return decides. */
  readonly firstUse?: (key: string) => boolean
}

/** Outcome of one remote command. `code` is null when a signal ended it. */
export interface RemoteResult {
  readonly code: number | null
  readonly signal?: string
  readonly stdout: string
  readonly stderr: string
}

export interface RemoteExecOptions {
  /** Fed to the command's stdin, then closed. */
  readonly stdin?: Readable | Buffer | string
  readonly signal?: AbortSignal
  /** Milliseconds after which the channel is closed and a `timeout` error is thrown. */
  readonly deadlineMs?: number
  /** Called with each complete line while it runs. */
  readonly onStdoutLine?: (line: string) => void
  readonly onStderrLine?: (line: string) => void
}

/** One authenticated SSH connection. */
export interface RemoteShell {
  /** The host key this connection was made with, `type base64`. */
  readonly hostKey: string
  /** Commands run so far: one each for `exec` (tests count them). */
  readonly roundTrips: number
  /** What sudo on the host asks for, once it is known. */
  readonly sudoPassword?: Secret
  /** Runs a command line through the user's login shell. Non-zero exit is a result, not an error. */
  exec(command: string, options?: RemoteExecOptions): Promise<RemoteResult>
  close(): void
}
