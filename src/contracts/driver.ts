/**
 * The driver contract. A driver talks to one provider and does nothing else: no prompts, no printing, no sleeping
 * loops, nothing outside its own machine directory. All values that cross it are plain JSON (a driver may live in
 * another process). Rules that `test/contract` proves on every driver are in docs/writing-a-driver.md.
 */
import type { AccountDesk } from './account.js'
import type { Clock } from './clock.js'
import type { EngineClientFiles, PortForward, WantedForward } from './forwards.js'
import type { Json, JsonObject } from './json.js'
import type { AccessRules, MachineOptions, Resource } from './record.js'
import type { RecordMapping } from './record-mapping.js'
import type { SshEndpoint } from './ssh.js'
import type { LocalProcess, MachineState } from './state.js'

/** What a driver can do, as data: the machine layer chooses by these and never by a driver's name. */
export interface DriverCapabilities {
  /** start, stop and kill exist. */
  readonly power: boolean
  /** `suspend()` exists. */
  readonly suspend: boolean
  /** `console()` gives the serial console. */
  readonly console: boolean
  /** `localState()` answers without network. */
  readonly localState: boolean
  /** Cannot announce resources (a Go plugin). */
  readonly opaque: boolean
  /** Whether the host key can be given before the first boot, or is only seen at first use. */
  readonly hostKey: 'given' | 'first-use'
  /** False for a bare URL: no SSH, nothing to provision. */
  readonly ssh: boolean
  /** Boots our image: the machine layer resolves it and hands its files over in `MachineSpec.image`. */
  readonly bootImage: boolean
  /** The VM's address is this computer's: ports are forwarded (user-mode networking). */
  readonly forwards: boolean
  /** The provider has a firewall that `setAccess()` opens to some addresses and closes to all others. */
  readonly access: boolean
  /** `inventory()` finds by tag what exists at the account, and `label()` writes on a server. */
  readonly inventory: boolean
}

/** One flag of a driver. Names and env vars are docker-machine's where it had the driver. */
export interface FlagSpec {
  /** Long name without dashes, with the driver's prefix: `qemu-memory`. */
  readonly name: string
  /** Key in the parsed config: `memory`. */
  readonly key: string
  readonly type: 'string' | 'integer' | 'boolean' | 'list'
  readonly env?: string
  /** Variables of the vendor's own client that say the same, asked in this order when `env` is not set. */
  readonly moreEnv?: readonly string[]
  readonly default?: string | number | boolean | readonly string[]
  readonly summary: string
  /** Placeholder in help: `MB`. */
  readonly value?: string
  readonly secret?: boolean
  /** The value is a URL that the driver's secrets are sent to: a record from elsewhere may not choose it unasked. */
  readonly receivesSecrets?: boolean
  /** A create cannot do without it, as help says it; what is missing `parse` says. */
  readonly required?: boolean
  readonly options?: readonly string[]
  /** `--no-NAME` turns a boolean off. */
  readonly negatable?: boolean
}

export type FlagValues = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/** Result of checking flag values: all faults at once. */
export type ParsedConfig =
  | { readonly ok: true; readonly config: JsonObject }
  | { readonly ok: false; readonly faults: readonly string[] }

/** Files of the boot image that a `bootImage` driver boots from (absolute paths), and its identity. */
export interface BootImageFiles {
  readonly digest: string
  readonly version: string
  readonly kernel: string
  /** The same kernel, not packed; only in an image that is not a release. */
  readonly plainKernel?: string
  readonly initramfs: string
  readonly engine: string
}

/** NoCloud documents made once for all drivers by the machine layer. */
export interface SeedDocuments {
  readonly metaData: string
  readonly userData: string
}

/** Everything common that `create` is given. */
export interface MachineSpec {
  readonly machine: MachineIdentity
  readonly config: JsonObject
  /** What is the same for every driver: a plugin of docker-machine is told of it. */
  readonly options?: MachineOptions
  /** As of `DriverMachine`. */
  readonly state?: string
  /** Resources of an earlier, unfinished create: make only what is missing. */
  readonly resources: readonly Resource[]
  /** User that we log in as: `docker` where we make it, the user's own choice elsewhere. */
  readonly sshUser: string
  readonly sshPublicKey?: string
  /**
   * A public key of the store that nobody has the private half of: given to a provider as the key of a new server, so that
   * it makes up no root password and mails it.
   */
  readonly placeholderKey?: string
  readonly seed?: SeedDocuments
  readonly image?: BootImageFiles
  /** It may start from a template of the driver's (`DriverFactory.snapshots`); where it does not fit, it is made as usual. */
  readonly fromSnapshot?: boolean
  /** `tsmachine-store`, `tsmachine-id`, `tsmachine-name` and what else goes on everything that is made. */
  readonly tags: Readonly<Record<string, string>>
  /** Who may reach the new machine until the first connection tells more; absent where the driver has no firewall. */
  readonly access?: AccessRules
}

/** One set of credentials at a provider and the store that asks for it. */
export interface DriverAccount {
  readonly storeId: string
  readonly config: JsonObject
}

/** A part of a provider (a region) that has an inventory of its own, as one set of credentials sees it. */
export interface InventoryPlace {
  /** Names credentials and place without telling the former: equal keys have equal inventories. */
  readonly key: string
  /** With which `inventory()` looks there. */
  readonly config: JsonObject
}

/** Something at the provider that bears our tags, whoever's record names it. */
export interface FoundResource {
  /** `made`, with its id, region and all tags in our form (`tsmachine-store`, `tsmachine-id`, ...). */
  readonly resource: Resource
  /** What people call it: the server's name. */
  readonly name: string
  /** ISO 8601; absent where the provider does not say. */
  readonly createdAt?: string
  /** What it costs a month, where it is known. */
  readonly monthlyPrice?: { readonly amount: number; readonly currency: string }
  /** Only of servers. */
  readonly state?: MachineState
  /** Several machines may need it: removed only when no server of its store is left. */
  readonly shared?: boolean
  /** Only of servers: ids or keys of the shared things that it is under (firewalls). */
  readonly uses?: readonly string[]
}

export interface MachineIdentity {
  readonly name: string
  /** 32 hex digits; the first 8 name sockets and remote objects. */
  readonly id: string
  readonly storeId: string
  /** Absolute path of the machine directory: the only place where a driver writes. */
  readonly dir: string
}

/** A recorded machine, as drivers see it. */
export interface DriverMachine extends MachineIdentity {
  readonly config: JsonObject
  readonly resources: readonly Resource[]
  /** What an `unread` driver keeps in `config.json` as its `Driver`: JSON text with every digit. It may hold secrets. */
  readonly state?: string
}

/** What `create`, `start`, `stop`, `kill` and `remove` yield; the machine layer records each before the driver goes on. */
export type DriverEvent =
  | { readonly type: 'intent'; readonly resource: Resource }
  | { readonly type: 'made'; readonly resource: Resource }
  /** `stays`: only this machine's share of it is given up, as others need it. */
  | { readonly type: 'removed'; readonly kind: string; readonly key: string; readonly stays?: boolean }
  /** An `unread` driver's state from now on (JSON text), and how to log in now that it knows. */
  | { readonly type: 'state'; readonly state: string; readonly login?: KeyLogin }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'debug'; readonly text: string }
  | { readonly type: 'progress'; readonly text: string; readonly done?: number; readonly total?: number }

/** A user on a host, and the private key that opens it (an absolute path; absent: agent or default keys). */
export interface KeyLogin {
  readonly user: string
  readonly keyPath?: string
}

/** Where a machine is reached. */
export interface Endpoint {
  /** Address that `ip` prints and that goes into the server certificate. */
  readonly address: string
  readonly ssh?: SshEndpoint
  /** Host and port of the engine API as this computer reaches it. Port may differ from 2376 behind a forward. */
  readonly engine: { readonly host: string; readonly port: number }
  /** Port the engine listens on inside the host (2376 unless the user chose another). */
  readonly enginePort: number
  /** Further names and addresses for the server certificate. */
  readonly sans: readonly string[]
  /** The engine's URL where the user gave it whole (driver `none`); otherwise it is `tcp://host:port`. */
  readonly url?: string
}

export interface StateReport {
  readonly id: string
  readonly state: MachineState
  readonly error?: string
  /** What `endpoint()` would give as the address, if the provider says: it may have changed behind our back. */
  readonly address?: string
}

/** Last words of a guest for error messages; control characters are neutralised by the renderer. */
export interface ConsoleOptions {
  /** Lines from the end; all when absent. */
  readonly lines?: number
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

/** What the machine layer lends to a driver. */
export interface DriverDeps {
  readonly clock: Clock
  /** 0700 directory for sockets, short enough for sun_path: `$XDG_RUNTIME_DIR/tsmachine/ID8`. Made by `runtimeDir()` on demand. */
  runtimeDir(machineId: string): Promise<string>
  /** Cache directory of this user for verdicts (accelerator probes). */
  readonly cacheDir: string
  /** What the processes of a store share for one account: `key` names provider (its first word), endpoint and credentials without telling them. */
  account(key: string): AccountDesk
  /** One line for `--debug`: a request and its answer, without secrets. Absent where nobody reads it. */
  readonly debug?: (text: string) => void
  /** Has this done before the program ends: what a driver has started must not survive it. */
  atEnd?(work: () => Promise<void>): void
  /** Starts our own helper program `name` detached from all streams with JSON arguments; returns its pid. */
  spawnHelper(name: string, args: JsonObject): Promise<number>
}

/** A preflight failure: provider's words plus hint. All faults are reported at once. */
export interface PreflightFault {
  readonly message: string
  readonly hint?: string
}

/** What the user said about logging in to a host that we did not make. */
export interface HostLogin extends KeyLogin {
  /** Host keys or `SHA256:` fingerprints given by the user, one a line. */
  readonly hostKey?: string
  /** The user said aloud that the first key seen may be pinned. */
  readonly trustFirstUse: boolean
}

/** A driver's static half: cheap to load, no provider SDK. */
export interface DriverFactory {
  readonly name: string
  /** `DriverName` in `config.json` where that is another: `qemu` for the driver `plugin:qemu`. */
  readonly recordedAs?: string
  readonly summary: string
  readonly capabilities: DriverCapabilities
  /** It stands in for a driver that this version does not have. */
  readonly absent?: true
  readonly flags: readonly FlagSpec[]
  /** Checks and completes flag values (already merged with env and defaults); unknown keys are refused. */
  parse(values: FlagValues): ParsedConfig
  readonly record: RecordMapping
  /** Whether a record of our name, but not by us, is that of a community plugin: it is left to the plugin. */
  isOfPlugin?(fields: JsonObject): boolean
  /** Cloud-config keys that this driver's settings need in the guest (`mounts` for shared folders). */
  userData?(config: JsonObject): JsonObject
  /** Whether this config boots our image; absent: as `capabilities.bootImage` says. */
  wantsBootImage?(config: JsonObject): boolean
  /**
   * Whether our image may be given its engine's settings, the key among them, for its first boot: the guest's root alone
   * reads the seed, `seal()` takes the key out of it, and `endpoint()` knows every address before the machine is made.
   */
  seedsEngine?(config: JsonObject): boolean
  /** `create --from-snapshot`: new machines can start from the memory of a suspended one that is nobody yet. */
  readonly snapshots?: true
  /** A boot image is removed from the cache: what was made of it goes too. */
  forgetImage?(deps: DriverDeps, digest: string): Promise<void>
  /** What to say where a power verb does not exist, in docker-machine's words. */
  readonly powerRefusal?: Readonly<Partial<Record<'start' | 'stop' | 'kill' | 'restart', string>>>
  /** The user that our user data makes on a new host and that we log in as; absent: `docker`. */
  seedUser?(config: JsonObject): string
  /** The user's private key that stands for one of our own making (an absolute path). */
  clientKey?(config: JsonObject): string | undefined
  /** The user's own user data, which is merged with ours: a path, `-` for standard input, or the text itself. */
  ownUserData?(config: JsonObject): string | { readonly text: string } | undefined
  /** Most bytes of user data that the provider takes. */
  readonly userDataLimit?: number
  /** Whether variables or files of the vendor's own tools name credentials: then `gc` asks there without being told to. */
  hasCredentials?(values: FlagValues, env: Readonly<Record<string, string | undefined>>): boolean
  /** Which part of the provider `inventory()` sees with this config, for texts: a region, a profile. */
  inventoryPlace?(config: JsonObject): string
  /** Config and resources for the record of a server that `inventory()` found (capability `inventory`). */
  adopt?(
    account: DriverAccount,
    found: FoundResource,
  ): { readonly config: JsonObject; readonly resources: readonly Resource[] }
  /** How to log in to a host that exists already. */
  login?(config: JsonObject): HostLogin
  /** What `doctor` should know of this computer; `probe` tries again what failed before. */
  diagnose?(
    deps: DriverDeps,
    options: { readonly probe: boolean; readonly signal: AbortSignal },
  ): Promise<readonly Diagnosis[]>
  open(deps: DriverDeps): Promise<Driver>
}

/** One finding of `doctor`. */
export interface Diagnosis {
  readonly check: string
  readonly ok: boolean
  readonly text: string
  readonly hint?: string
}

/** A driver's working half. All calls take an AbortSignal and stop at it. */
export interface Driver {
  /** Finds what would fail later; empty when all is well. */
  preflight(spec: MachineSpec, signal: AbortSignal): Promise<readonly PreflightFault[]>
  /** The state of an `unread` driver before anything is made, with the choices in it. Asked after `preflight`. */
  firstState?(spec: MachineSpec, signal: AbortSignal): Promise<string>
  create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent>
  /** Per account, never per machine. */
  states(machines: readonly DriverMachine[], signal: AbortSignal): Promise<readonly StateReport[]>
  /** What a list of many shows of this one, where that is cheaper than `states()`. Nothing else is decided by it. */
  glance?(machine: DriverMachine, signal: AbortSignal): Promise<StateReport>
  /** State from this computer alone, no network (capability `localState`). */
  localState?(machine: DriverMachine): MachineState
  /**
   * What `localState()` goes by besides the record: the process that is the machine, or nothing. Absent or undefined: others
   * cannot tell by themselves whether its answer still holds, and always have to ask.
   */
  restsOn?(machine: DriverMachine): LocalProcess | 'record' | undefined
  endpoint(machine: DriverMachine): Endpoint
  start?(
    machine: DriverMachine,
    image: BootImageFiles | undefined,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent>
  /** Asks the guest to power off and waits for it within the signal's deadline. */
  stop?(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent>
  kill?(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent>
  /** Absent: a restart is a stop and a start. */
  restart?(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent>
  /**
   * Keeps the machine's memory and ends it (capability `suspend`): its state is `Saved`, `start` goes on where it was, and
   * `kill` drops what was kept. When it fails the machine runs on.
   */
  suspend?(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent>
  /** Idempotent; works from any prefix of the resources, twice, and when all is already gone. */
  remove(machine: DriverMachine, signal: AbortSignal): AsyncIterable<DriverEvent>
  console?(machine: DriverMachine, options: ConsoleOptions): AsyncIterable<string>
  /** Rewrites what the guest reads at boot without the private host key, after rotation. */
  seal?(machine: DriverMachine, seed: SeedDocuments): Promise<void>
  /** Factor on deadlines: 1 with hardware virtualisation, more under emulation and where nothing is known of the host. */
  patience?(machine: DriverMachine): number
  /** Called when the engine answers: the driver may start what depends on it (port forwarder). */
  engineReady?(
    machine: DriverMachine,
    client: EngineClientFiles,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent>
  /** Forwarded ports (capability `forwards`). */
  forwards?(machine: DriverMachine): Promise<readonly PortForward[]>
  /** Lets these and nobody else reach the machine (capability `access`). Idempotent. */
  setAccess?(machine: DriverMachine, access: AccessRules, signal: AbortSignal): AsyncIterable<DriverEvent>
  /** Where else the account may have things: its own place first. Absent: `inventory()` sees them all. */
  places?(account: DriverAccount, signal: AbortSignal): Promise<readonly InventoryPlace[]>
  /** Everything at the account that bears our tags, of every store (capability `inventory`). */
  inventory?(account: DriverAccount, signal: AbortSignal): Promise<readonly FoundResource[]>
  /** Writes further tags on the machine's server (capability `inventory`); a key that is there is replaced. */
  label?(machine: DriverMachine, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>
  /** Adds a forward by hand; it is made again at each start until it is removed. */
  addForward?(machine: DriverMachine, forward: WantedForward): Promise<void>
  /** Takes back what `addForward` has added. */
  removeForward?(machine: DriverMachine, forward: WantedForward): Promise<void>
}

export type { AccessRules, Json, JsonObject }
export type { RecordedLogin, RecordMapping } from './record-mapping.js'
