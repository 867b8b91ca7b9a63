import type { Stage } from './events.js'
import type { Json, JsonObject } from './json.js'
import type { SecretRef } from './secrets.js'
import type { MachineState } from './state.js'

/**
 * One thing that a driver made or was about to make. Announced (`intended`) before the call that makes it, confirmed
 * (`made`) after it, so that a record of any moment names everything that may exist.
 */
export interface Resource {
  /** What it is at the provider: `vm`, `disk`, `key`, `firewall` ... */
  readonly kind: string
  /** Unique in the record together with `kind`: the provider's id once made, our own name before. */
  readonly key: string
  readonly id?: string
  readonly region?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly state: 'intended' | 'made' | 'removed'
  /** What the driver needs to know of it later (ports, pid, addresses). Plain JSON, no secrets. */
  readonly attributes?: JsonObject
}

/** Who may reach a machine from outside, as CIDRs (`0.0.0.0/0` and `::/0`: anybody). An empty list: nobody. */
export interface AccessRules {
  readonly ssh: readonly string[]
  readonly engine: readonly string[]
}

/** Who may reach a machine, where its provider has a firewall. */
export interface RecordedAccess {
  /** Whom the user let in besides this computer: CIDRs, or `any`. */
  readonly sources: readonly string[]
  /** This computer, as the host last saw it: a CIDR. */
  readonly here?: string
  /** What the provider was told last. */
  readonly rules: AccessRules
  /** What it is being told, or still has to be told after a moment in which SSH is open to all. */
  readonly next?: AccessRules
}

/** What `create` was told of the provider's firewall. */
export interface AccessChoice {
  /** CIDRs, or `any`; this computer may always. */
  readonly openTo: readonly string[]
}

/** How a host key came to be pinned. */
export type HostKeySource = 'given' | 'user' | 'known-hosts' | 'first-use'

/** Pinned host keys: `current` always, `next` only while a rotation is under way (then either is accepted). */
export interface PinnedHostKeys {
  readonly source: HostKeySource
  readonly current: string
  readonly next?: string
  /** Set once the host has replaced the key that user data carried. */
  readonly rotated: boolean
}

export type EngineSource = 'image' | 'bundled' | 'host' | 'install-url'

/** Why and where the last create stopped. */
export interface Failure {
  readonly stage: string
  readonly code: string
  readonly message: string
  readonly at: string
}

/**
 * `machines/NAME/tsmachine.json`: what only we know of a machine, written before `config.json` and the authority for
 * ledger, pins and phase (design 4). Times are ISO 8601 in UTC.
 */
export interface LedgerRecord {
  readonly schemaVersion: 1
  readonly machineId: string
  /** The id that the store had when the machine was made, where it has another one now: tags bear it. */
  readonly storeId?: string
  readonly generation: number
  readonly phase: 'creating' | 'ready' | 'failed' | 'removing'
  readonly failure?: Failure
  readonly stepsDone: readonly Stage[]
  readonly driver: {
    readonly name: string
    readonly config: JsonObject
    /** No version that has the driver has seen this machine yet: all that it needs is in `config.json`. */
    readonly unread?: true
  }
  readonly options: MachineOptions
  readonly resources: readonly Resource[]
  readonly hostKeys?: PinnedHostKeys
  /** Fingerprint of the host key that the provider keeps as a tag of the server. */
  readonly hostKeyLabel?: string
  readonly ssh?: { readonly user: string; readonly keyPath?: string }
  readonly engine?: { readonly source: EngineSource; readonly version?: string; readonly port: number }
  /** Port of this computer that leads to the engine over SSH. */
  readonly engineTunnel?: { readonly port: number }
  /** The server certificate that the host was last given; the file in the machine's folder may be a newer one. */
  readonly certificate?: { readonly sha256: string; readonly notAfter: string }
  readonly secrets: Readonly<Record<string, SecretRef>>
  /** Made of a server that was there: `adopt` may go on with it. */
  readonly adopted?: true
  /** Made for a program that drives our driver as a plugin, and that provisions what it made. */
  readonly served?: true
  readonly dockerContext?: string
  readonly access?: RecordedAccess
  /** The boot image that the machine starts from; only `upgrade` changes it. */
  readonly image?: ImageReference
  /** An upgrade that is under way or was cut. */
  readonly upgrade?: PendingUpgrade
  /** A start that is under way or was cut: `start` carries on with it, although the machine has power. */
  readonly starting?: true
  readonly lastState?: { readonly state: MachineState; readonly at: string }
  readonly createdAt: string
  readonly updatedAt: string
  /** SHA-256 of the `config.json` that we last wrote: a difference means docker-machine changed it. */
  readonly configHash: string
  /** SHA-256 of the `config.json` that it replaced: tells a crash between the two writes from a change after it. */
  readonly replacedHash?: string
  /** Inode, size and time of that text's file; absent where nothing can be told by them. */
  readonly configStamp?: string
}

/** A boot image in the user's cache. */
export interface ImageReference {
  readonly digest: string
  readonly version: string
}

/** What ran before an upgrade, and what shall run: enough to carry on with it or to take it back. */
export interface PendingUpgrade {
  readonly source: EngineSource
  readonly from: string
  readonly to: string
  /** The boot image that ran before. */
  readonly image?: ImageReference
  readonly at: string
}

/** Choices of `create` that are the same for every driver. */
export interface MachineOptions {
  readonly engine: EngineChoices
  /** Extra names and addresses for the server certificate (`--tls-san`). */
  readonly tlsSans: readonly string[]
  /** Only where one of the flags was given. */
  readonly swarm?: SwarmChoices
  /** Only where the driver has a firewall. */
  readonly access?: AccessChoice
  /** Further public keys that may log in (`--authorized-key`), one `authorized_keys` line each. */
  readonly authorizedKeys?: readonly string[]
  /** Host that SSH goes through: `USER@HOST[:PORT]` (`--ssh-jump`). */
  readonly sshJump?: string
  /** The engine's port is closed; this computer reaches it over SSH. */
  readonly engineAccess?: 'ssh'
  /** It was to start from a suspended template (`--from-snapshot`). */
  readonly fromSnapshot?: true
}

/** The `--swarm*` flags: docker-machine's classic swarm, which runs as containers. */
export interface SwarmChoices {
  readonly agent: boolean
  readonly master: boolean
  readonly discovery: string
  readonly address: string
  /** Where a manager listens: `tcp://0.0.0.0:3376`. */
  readonly host: string
  readonly image: string
  readonly strategy: string
  readonly opts: readonly string[]
  readonly joinOpts: readonly string[]
  readonly experimental: boolean
}

/** What docker-machine records of a machine that is in no swarm. */
export const DEFAULT_SWARM: SwarmChoices = {
  agent: false,
  master: false,
  discovery: '',
  address: '',
  host: 'tcp://0.0.0.0:3376',
  image: 'swarm:latest',
  strategy: 'spread',
  opts: [],
  joinOpts: [],
  experimental: false,
}

/** The `--engine-*` flags. */
export interface EngineChoices {
  readonly installUrl?: string
  readonly opts: readonly string[]
  readonly labels: readonly string[]
  readonly insecureRegistries: readonly string[]
  readonly registryMirrors: readonly string[]
  readonly storageDriver?: string
  readonly env: readonly string[]
  /** PEM text of CA certificates by registry `host[:port]` (`--engine-registry-ca HOST=FILE`). */
  readonly registryCas: Readonly<Record<string, string>>
}

/** docker-machine's `config.json`, version 3, as far as we read and write it; unknown keys are kept. */
export interface HostRecordV3 {
  readonly ConfigVersion: 3
  readonly Driver: JsonObject
  readonly DriverName: string
  readonly HostOptions: HostOptionsV3
  readonly Name: string
}

export interface HostOptionsV3 {
  readonly Driver: string
  readonly Memory: number
  readonly Disk: number
  readonly EngineOptions: EngineOptionsV3
  readonly SwarmOptions: JsonObject
  readonly AuthOptions: AuthOptionsV3
}

export interface EngineOptionsV3 {
  readonly ArbitraryFlags: readonly string[] | null
  readonly Dns: readonly string[] | null
  readonly GraphDir: string
  readonly Env: readonly string[] | null
  readonly Ipv6: boolean
  readonly InsecureRegistry: readonly string[] | null
  readonly Labels: readonly string[] | null
  readonly LogLevel: string
  readonly StorageDriver: string
  readonly SelinuxEnabled: boolean
  readonly TlsVerify: boolean
  readonly RegistryMirror: readonly string[] | null
  readonly InstallURL: string
}

export interface AuthOptionsV3 {
  readonly CertDir: string
  readonly CaCertPath: string
  readonly CaPrivateKeyPath: string
  readonly CaCertRemotePath: string
  readonly ServerCertPath: string
  readonly ServerKeyPath: string
  readonly ClientKeyPath: string
  readonly ServerCertRemotePath: string
  readonly ServerKeyRemotePath: string
  readonly ClientCertPath: string
  readonly ServerCertSANs: readonly string[] | null
  readonly StorePath: string
}

/** Certificate files that stand for the store's own (`--tls-ca-cert` and its like), absolute paths. */
export interface TlsFiles {
  readonly caCert?: string
  readonly caKey?: string
  readonly clientCert?: string
  readonly clientKey?: string
}

/** docker-machine's default of `--engine-install-url`: in a record it means "not chosen". */
export const DEFAULT_INSTALL_URL = 'https://get.docker.com'

/** A machine as readers see it: both files, merged. `ledger` is absent for records that only docker-machine knows. */
export interface MachineRecord {
  readonly name: string
  /** Absolute path of `machines/NAME`. */
  readonly dir: string
  readonly config: HostRecordV3
  readonly ledger?: LedgerRecord
  /** docker-machine changed `config.json` since we wrote it: its v3 fields are newer than the ledger's copy of them. */
  readonly foreign?: boolean
}

/** A machine whose record cannot be read: shown as a row, never the end of a listing. */
export interface BrokenRecord {
  readonly name: string
  readonly dir: string
  /** Which file is wrong and how, in words. */
  readonly error: string
  /** The ledger where it is only `config.json` that cannot be read: `rm` still finds everything that was made. */
  readonly ledger?: LedgerRecord
}

export type { Json, JsonObject }
