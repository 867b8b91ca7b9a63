/** Facts, plans and outcomes of turning a host into an engine (design 6). Plain JSON. */
import type { EngineChoices, EngineSource } from './record.js'

export type InitSystem = 'systemd' | 'openrc' | 'tsmachine' | 'unknown'

/** What one remote script found out about a host. */
export interface Facts {
  readonly osRelease: Readonly<Record<string, string>>
  readonly arch: string
  readonly kernel: string
  readonly init: InitSystem
  readonly user: string
  readonly uid: number
  /** `root`: we are root; `passwordless`: sudo -n works; `password`: sudo wants one; `none`: no sudo. */
  readonly sudo: 'root' | 'passwordless' | 'password' | 'none'
  readonly hostname: string
  readonly engine?: {
    readonly path: string
    readonly version: string
    readonly running: boolean
    readonly socketActivated: boolean
    /** Unit or service that runs it. */
    readonly service?: string
    /** True when it is a bundle of ours under /opt/tsmachine. */
    readonly ours: boolean
  }
  /** Existing daemon.json, verbatim; empty when there is none. */
  readonly daemonJson: string
  readonly freeBytes: Readonly<Record<string, number>>
  readonly noexec: readonly string[]
  readonly cgroup: 1 | 2
  readonly iptables?: string
  readonly firewall?: string
  readonly cloudInit?: string
  readonly packageLock?: string
  readonly swarm: boolean
  /** Seconds since 1970 on the host when the script ran. */
  readonly clock: number
  /** Address that the host saw us come from (SSH_CONNECTION), empty if unset. */
  readonly clientAddress: string
  /** SHA-256 of files that a previous run installed, by path: finished steps are skipped by these. */
  readonly files: Readonly<Record<string, string>>
  readonly certificateExpires?: string
}

/** What the host should become. PEM texts travel in files, never in words of a command. */
export interface Wanted {
  readonly name: string
  readonly driver: string
  readonly enginePort: number
  readonly engine: EngineChoices
  readonly source?: EngineSource
  /** Version of the bundle at hand (directory under /opt/tsmachine), when one may be installed. */
  readonly bundleVersion?: string
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string }
  /** Only renew certificates: nothing but files and the engine's restart. */
  readonly certificatesOnly?: boolean
  /** Restart the engine although it is in a swarm. */
  readonly force?: boolean
}

/** One step of a plan, as data. `why` is shown to the user. */
export type Step =
  | {
      readonly kind: 'file'
      readonly why: string
      readonly path: string
      readonly content: string
      readonly mode: string
      readonly secret?: boolean
    }
  | {
      readonly kind: 'run'
      readonly why: string
      readonly argv: readonly string[]
      readonly skipUnless?: string
      readonly timeoutS?: number
      readonly tolerate?: boolean
    }
  | { readonly kind: 'bundle'; readonly why: string; readonly version: string }

/** A plan: steps in order, and what will be true after them. */
export interface Plan {
  readonly steps: readonly Step[]
  readonly engine: { readonly source: EngineSource; readonly version?: string; readonly port: number }
  readonly warnings: readonly string[]
}
