/** Facts, plans and outcomes of turning a host into an engine (design 6). Plain JSON. */
import type { EngineChoices, EngineSource } from './record.js'

/** What runs services on a host. `boot2docker`: docker-machine's image with its own scripts; `tsmachine`: ours. */
export type InitSystem = 'systemd' | 'openrc' | 'boot2docker' | 'tsmachine' | 'unknown'

/** What one remote script found out about a host. */
export interface Facts {
  readonly osRelease: Readonly<Record<string, string>>
  readonly arch: string
  readonly kernel: string
  readonly init: InitSystem
  readonly user: string
  readonly uid: number
  /**
   * `root`: we are root; `passwordless`: sudo -n works; `given`: sudo took our password; `doas`: doas -n works; `password`:
   * sudo wants one; `none`: no way.
   */
  readonly sudo: 'root' | 'passwordless' | 'given' | 'doas' | 'password' | 'none'
  readonly hostname: string
  readonly engine?: EngineFacts
  /** Existing daemon.json, verbatim; empty when there is none. During a restart that was cut, the one before it. */
  readonly daemonJson: string
  /** A restart that keeps containers was cut: daemon.json still has to be put back. */
  readonly restartUnfinished: boolean
  /** Changes on the host that nothing has acted on yet, by tag (see `Step`). */
  readonly pending: readonly string[]
  /** Whole bundles below /opt/tsmachine, and the one that `current` points to. */
  readonly bundles: readonly string[]
  readonly currentBundle?: string
  /** Where the bundle goes, and where the engine keeps its images. */
  readonly opt: Space
  readonly data: Space
  readonly kernelFeatures: KernelFeatures
  /** 0: none are mounted (yet). */
  readonly cgroup: 0 | 1 | 2
  /** False when the kernel was started without the means to limit memory. */
  readonly limitsMemory: boolean
  readonly selinux: 'none' | 'permissive' | 'enforcing'
  /** Path of the host's own iptables. */
  readonly iptables?: string
  /** Path of a docker client in PATH. */
  readonly dockerClient?: string
  /** False when the host has no file of public CAs. */
  readonly hasPublicCas: boolean
  /** The login user is in the group `docker` (or is root). */
  readonly inDockerGroup: boolean
  /** The firewall of the host, when one is active. */
  readonly firewall?: FirewallFacts
  readonly cloudInit?: 'running' | 'done'
  /** Package manager that is running now. */
  readonly packageLock?: string
  /** Program that keeps the clock right. */
  readonly timeSync?: string
  /** Running containers (their shims), of any engine. */
  readonly containers: number
  readonly swarm: boolean
  /** Seconds since 1970 on the host when the script ran. */
  readonly clock: number
  /** Seconds that the host's clock is ahead of ours (negative: behind). */
  readonly clockSkewS: number
  /** Address that the host saw us come from (SSH_CONNECTION), empty if unset. */
  readonly clientAddress: string
  /** Address at which the host saw us come in, empty if unset. */
  readonly hostAddress: string
  /** The same with the length of its network's prefix: `10.0.0.5/20`. */
  readonly hostSubnet?: string
  /** SHA-256 of files that a previous run installed, by path: finished steps are skipped by these. */
  readonly files: Readonly<Record<string, string>>
}

/** The engine that a host already has. */
export interface EngineFacts {
  readonly path: string
  readonly version: string
  /** `starting`: its process lives, and it does not serve requests yet (or not at this moment). */
  readonly state: 'stopped' | 'starting' | 'ready'
  readonly socketActivated: boolean
  /** Unit or service that runs it; absent when none of ours or the distribution's does. */
  readonly service?: string
  /** Starts at boot. */
  readonly enabled: boolean
  /** True when it is a bundle of ours under /opt/tsmachine, or our boot image's. */
  readonly ours: boolean
  /** The command line as its packager wrote it, without ours: systemd's ExecStart, elsewhere the options of its file. */
  readonly execStart?: string
  /** OpenRC, boot2docker: the file of shell assignments that the service reads, verbatim. */
  readonly optionsFile?: { readonly path: string; readonly text: string }
}

/** A folder's file system. */
export interface Space {
  readonly path: string
  readonly mount: string
  readonly freeBytes: number
  readonly isReadOnly: boolean
  readonly isNoexec: boolean
}

export interface KernelFeatures {
  /** Features (module names) that are built in, loaded or can be. */
  readonly present: readonly string[]
  /** `known`: what is not present does not exist; `unknown`: nobody can say; `gone`: an update took the modules away. */
  readonly modules: 'known' | 'unknown' | 'gone'
}

/** What decides on a host about connections that come in. */
export type FirewallFacts =
  /** `ports`: those that its files speak of (`2376`, `22,80`, `2000:3000`, `2000-3000`). */
  | { readonly name: 'firewalld' | 'ufw'; readonly ports: readonly string[] }
  /** Rules without a manager. */
  | { readonly name: 'packet filter'; readonly chains: readonly InputChain[] }

/** A base chain for what comes in. All of a host's chains must let a connection pass. */
export interface InputChain {
  readonly tool: 'iptables' | 'nft'
  /** iptables: the chain; nft: family, table, chain. */
  readonly place: readonly string[]
  readonly policy: 'accept' | 'drop'
  /** Rules in order, as the tool prints them. */
  readonly rules: readonly string[]
}

/** What the host should become. PEM texts travel in files, never in words of a command. */
export interface Wanted {
  readonly name: string
  /** What the host is called: the machine's name, shortened where hosts may not be called so. */
  readonly hostName: string
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

/**
 * When a step runs. Tags name what a change concerns (`engine`, `units` ...): a step that changes something marks its
 * tags on the host before it does, the step that acts on them clears them, so a crash in between loses nothing.
 */
export interface StepConditions {
  /** Shown to the user. */
  readonly why: string
  /** Tags that this step marks when it changes something. */
  readonly tags?: readonly string[]
  /** Run only while this tag is marked. */
  readonly onChange?: string
  /** Do not run when a step of this run has cleared this tag. */
  readonly unlessSettled?: string
  /** Tags that this step clears. */
  readonly settles?: readonly string[]
}

/** One step of a plan, as data. */
export type Step = StepConditions &
  (
    | {
        readonly kind: 'file'
        readonly path: string
        readonly content: string
        /** Octal, as chmod takes it. */
        readonly mode: string
        /** A file that is there already keeps its own mode. */
        readonly keepMode?: boolean
        /** Hidden by `--dry-run`. */
        readonly secret?: boolean
      }
    | { readonly kind: 'remove'; readonly path: string }
    | {
        readonly kind: 'run'
        /** `@lib/NAME` stands for one of our scripts in provision/host/lib. No word holds a newline. */
        readonly argv: readonly string[]
        /** Seconds, where the host has `timeout`. */
        readonly timeoutS?: number
        /** A failure does not end the plan. */
        readonly tolerate?: boolean
        /** What it prints on descriptor 4 as `@@note TEXT` is shown while it runs. */
        readonly tells?: boolean
        /** Run after a failure; its output goes into the error. */
        readonly evidence?: readonly string[]
      }
    | { readonly kind: 'bundle'; readonly version: string }
  )

/** A plan: steps in order, and what will be true after them. */
export interface Plan {
  readonly steps: readonly Step[]
  readonly engine: { readonly source: EngineSource; readonly version?: string; readonly port: number }
  readonly warnings: readonly string[]
  /** Gather facts and plan again afterwards: these steps only bring the engine (`--engine-install-url`). */
  readonly again?: boolean
}
