import type { HostKeyPins, SshEndpoint } from '../contracts/ssh.js'
import type { LoginOptions } from './login.js'

/** One machine as those who log in to it see it: where, as whom, with what, and how it proves that it is itself. */
export interface SshHost {
  /** The machine's name; programs know it by this name too. */
  readonly name: string
  readonly endpoint: SshEndpoint
  readonly pins: HostKeyPins
  /** The machine's folder: `known_hosts` is written there. */
  readonly dir: string
  /** Absent: the user's agent. */
  readonly keyPath?: string
  /** Socket of the SSH agent, for the client of our own. */
  readonly agent?: string
}

/** How our own client logs in to a host. */
export function loginOf({ keyPath, agent }: SshHost): LoginOptions {
  return {
    ...(keyPath === undefined ? {} : { privateKeyPath: keyPath }),
    ...(agent === undefined ? {} : { agent }),
  }
}
