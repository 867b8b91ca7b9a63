/** How the ledger and docker-machine's record are made from each other. Pure. */
import { createHash } from 'node:crypto'
import { dirname, isAbsolute, join } from 'node:path'
import type { RecordedLogin, RecordMapping } from '../contracts/driver.js'
import { STAGES } from '../contracts/events.js'
import {
  type AuthOptionsV3,
  DEFAULT_INSTALL_URL,
  type EngineChoices,
  type EngineOptionsV3,
  type HostRecordV3,
  type JsonObject,
  type LedgerRecord,
  type MachineOptions,
  type MachineRecord,
  type TlsFiles,
} from '../contracts/record.js'
import { stateObject } from '../util/json-object.js'
import { authOptionsAt, ENGINE_OPTIONS, SWARM_OPTIONS } from './blank-record.js'
import { embeddedLedger, LEDGER_FIELD, readEmbeddedLedger } from './embedded-ledger.js'
import { swarmFields, swarmOf, swarmOptions } from './swarm-record.js'

/** What a new ledger starts from. */
export interface NewLedger {
  readonly machineId: string
  readonly driver: LedgerRecord['driver']
  readonly options: MachineOptions
  readonly now: Date
}

/** The ledger of a machine of which nothing is made yet. */
export function newLedger(first: NewLedger): LedgerRecord {
  return {
    schemaVersion: 1,
    machineId: first.machineId,
    generation: 0,
    phase: 'creating',
    stepsDone: [],
    driver: first.driver,
    options: first.options,
    resources: [],
    secrets: {},
    createdAt: first.now.toISOString(),
    updatedAt: first.now.toISOString(),
    configHash: '',
  }
}

/** What a new `config.json` starts from. */
export interface NewHostRecord {
  readonly name: string
  /** Root of the store. */
  readonly store: string
  readonly driverName: string
  /** Driver-specific keys; they win over the base keys. */
  readonly driverFields: JsonObject
  readonly options: MachineOptions
  /** Certificate files that stand for the store's own. */
  readonly tlsFiles?: TlsFiles
}

/** docker-machine's record of a new machine: every key it writes, in its order, with its zero values. */
export function newHostRecord(first: NewHostRecord): HostRecordV3 {
  return {
    ConfigVersion: 3,
    Driver: {
      ...baseFields(first.name, first.store),
      ...swarmFields(first.driverName, first.options.swarm),
      ...first.driverFields,
    },
    DriverName: first.driverName,
    HostOptions: {
      Driver: '',
      Memory: 0,
      Disk: 0,
      EngineOptions: engineOptions(first.options.engine, ENGINE_OPTIONS),
      SwarmOptions: swarmOptions(first.options.swarm, SWARM_OPTIONS),
      AuthOptions: authOptions(first),
    },
    Name: first.name,
  }
}

/**
 * `config.json` as it follows from the ledger. Keys that only docker-machine knows are taken from the previous one.
 */
export function projectConfig(
  ledger: LedgerRecord,
  previous: HostRecordV3,
  mapping: RecordMapping,
): HostRecordV3 {
  const login = mapping.unread ? {} : loginFields(ledger)
  const hostOptions = previous.HostOptions
  return {
    ...previous,
    Driver: {
      ...previous.Driver,
      ...login,
      ...mapping.toFields(ledger.driver.config, ledger.resources),
      ...writtenSecrets(previous.Driver, mapping),
      ...(LEDGER_FIELD in previous.Driver ? { [LEDGER_FIELD]: embeddedLedger(ledger) } : {}),
    },
    HostOptions: {
      ...hostOptions,
      EngineOptions: engineOptions(ledger.options.engine, hostOptions.EngineOptions),
      SwarmOptions: swarmOptions(ledger.options.swarm, hostOptions.SwarmOptions),
      AuthOptions: {
        ...hostOptions.AuthOptions,
        ServerCertSANs: list(ledger.options.tlsSans, hostOptions.AuthOptions.ServerCertSANs),
      },
    },
  }
}

/** The record with what its driver has given as its state. @throws MachineError `driver` for what is no JSON object */
export function withDriverState(config: HostRecordV3, state: string): HostRecordV3 {
  return { ...config, Driver: stateObject(state, 'driver') }
}

/** Secrets that docker-machine wrote in clear text are left as they are. */
function writtenSecrets(fields: JsonObject, { secretFields = {} }: RecordMapping): JsonObject {
  return Object.fromEntries(
    Object.values(secretFields).flatMap((field) => {
      const value = fields[field]
      return value === undefined ? [] : [[field, value] as const]
    }),
  )
}

function loginFields({ ssh }: LedgerRecord): JsonObject {
  if (!ssh) return {}
  return { SSHUser: ssh.user, ...(ssh.keyPath === undefined ? {} : { SSHKeyPath: ssh.keyPath }) }
}

/** When a machine was made that docker-machine's own record tells of: it does not say. */
const UNKNOWN_TIME = new Date(0)

/** The ledger that a record made by docker-machine alone stands for: complete, with no host key pinned. */
export function ledgerFromHostRecord(config: HostRecordV3, mapping: RecordMapping): LedgerRecord {
  const { config: driverConfig, resources } = mapping.fromFields(config.Driver)
  const ssh = loginOf(config, mapping)
  return {
    ...newLedger({
      machineId: derivedId(config),
      driver: driverPart(config.DriverName, driverConfig, mapping),
      options: optionsOf(config),
      now: UNKNOWN_TIME,
    }),
    phase: 'ready',
    stepsDone: STAGES,
    resources,
    ...(ssh ? { ssh } : {}),
  }
}

/** Whether docker-machine made the machine: that stays so when a verb of ours has written the first ledger of it. */
export function isOfDockerMachine({ createdAt }: LedgerRecord): boolean {
  return createdAt === UNKNOWN_TIME.toISOString()
}

/** The ledger after docker-machine changed `config.json`: its v3 fields are taken over, pins, phase and id stay ours. */
export function adoptHostRecord(
  ledger: LedgerRecord,
  config: HostRecordV3,
  mapping: RecordMapping,
): LedgerRecord {
  const previous =
    ledger.driver.unread && !mapping.unread
      ? undefined
      : { config: ledger.driver.config, resources: ledger.resources }
  const { config: driverConfig, resources } = mapping.fromFields(config.Driver, previous)
  const options = optionsOf(config)
  const ssh = loginOf(config, mapping) ?? ledger.ssh
  return {
    ...ledger,
    // What a driver has read stays read while another stands in for it.
    driver:
      mapping.unread && !ledger.driver.unread
        ? ledger.driver
        : driverPart(ledger.driver.name, driverConfig, mapping),
    resources,
    options: {
      ...ledger.options,
      ...options,
      engine: { ...options.engine, registryCas: ledger.options.engine.registryCas },
    },
    ...(ssh ? { ssh } : {}),
  }
}

/** The ledger to work with, wherever the record came from. */
export function currentLedger(record: MachineRecord, mapping: RecordMapping): LedgerRecord {
  if (!record.ledger)
    return readEmbeddedLedger(record.config.Driver) ?? ledgerFromHostRecord(record.config, mapping)
  const isNews = record.foreign || (record.ledger.driver.unread && !mapping.unread)
  return isNews ? adoptHostRecord(record.ledger, record.config, mapping) : record.ledger
}

function driverPart(name: string, config: JsonObject, mapping: RecordMapping): LedgerRecord['driver'] {
  return { name, config, ...(mapping.unread ? { unread: true } : {}) }
}

const USUAL_LOGIN: RecordedLogin = { user: '', keyFile: 'id_rsa' }

function loginOf(config: HostRecordV3, mapping: RecordMapping): LedgerRecord['ssh'] {
  const usual = mapping.login?.(config.Driver) ?? USUAL_LOGIN
  const user = textOf(config.Driver['SSHUser']) || usual.user
  if (user === '') return undefined
  const named = textOf(config.Driver['SSHKeyPath'])
  if (named !== '') return { user, keyPath: named }
  return usual.keyFile === '' ? { user } : { user, keyPath: join(machineDirOf(config), usual.keyFile) }
}

function machineDirOf(config: HostRecordV3): string {
  const store = textOf(config.Driver['StorePath'])
  return join(store, 'machines', textOf(config.Driver['MachineName']) || config.Name)
}

/** The same at each reading, until the first change writes it down. */
function derivedId(config: HostRecordV3): string {
  const seed = `${textOf(config.Driver['StorePath'])}\0${config.Name}`
  return createHash('sha256').update(seed).digest('hex').slice(0, 32)
}

function optionsOf(config: HostRecordV3): MachineOptions {
  const engine = config.HostOptions.EngineOptions
  const swarm = swarmOf(config.HostOptions.SwarmOptions)
  const chosen = engine.InstallURL !== '' && engine.InstallURL !== DEFAULT_INSTALL_URL
  return {
    engine: {
      ...(chosen ? { installUrl: engine.InstallURL } : {}),
      ...(engine.StorageDriver === '' ? {} : { storageDriver: engine.StorageDriver }),
      opts: engine.ArbitraryFlags ?? [],
      labels: engine.Labels ?? [],
      insecureRegistries: engine.InsecureRegistry ?? [],
      registryMirrors: engine.RegistryMirror ?? [],
      env: engine.Env ?? [],
      registryCas: {},
    },
    tlsSans: config.HostOptions.AuthOptions.ServerCertSANs ?? [],
    ...(swarm ? { swarm } : {}),
  }
}

function engineOptions(choices: EngineChoices, previous: EngineOptionsV3): EngineOptionsV3 {
  return {
    ...previous,
    ArbitraryFlags: list(choices.opts, previous.ArbitraryFlags),
    Env: list(choices.env, previous.Env),
    InsecureRegistry: list(choices.insecureRegistries, previous.InsecureRegistry),
    Labels: list(choices.labels, previous.Labels),
    StorageDriver: choices.storageDriver ?? '',
    RegistryMirror: list(choices.registryMirrors, previous.RegistryMirror),
    InstallURL: choices.installUrl ?? previous.InstallURL,
  }
}

/** Go tells a list that was never set (`null`) from an empty one: no reason to change which it was. */
function list(wanted: readonly string[], previous: readonly string[] | null): readonly string[] | null {
  return wanted.length === 0 && previous === null ? null : wanted
}

function baseFields(name: string, store: string): JsonObject {
  return {
    IPAddress: '',
    MachineName: name,
    SSHUser: '',
    SSHPort: 0,
    SSHKeyPath: '',
    StorePath: store,
    SwarmMaster: false,
    SwarmHost: '',
    SwarmDiscovery: '',
  }
}

function authOptions({ name, store, options, tlsFiles = {} }: NewHostRecord): AuthOptionsV3 {
  const usual = authOptionsAt({ name, root: store, dir: join(store, 'machines', name) })
  return {
    ...usual,
    CaCertPath: tlsFiles.caCert ?? usual.CaCertPath,
    CaPrivateKeyPath: tlsFiles.caKey ?? usual.CaPrivateKeyPath,
    ClientKeyPath: tlsFiles.clientKey ?? usual.ClientKeyPath,
    ClientCertPath: tlsFiles.clientCert ?? usual.ClientCertPath,
    ServerCertSANs: options.tlsSans,
  }
}

const RECORDED = [
  ['caCert', 'CaCertPath', 'ca.pem'],
  ['caKey', 'CaPrivateKeyPath', 'ca-key.pem'],
  ['clientCert', 'ClientCertPath', 'cert.pem'],
  ['clientKey', 'ClientKeyPath', 'key.pem'],
] as const

/** The files that a record names outside its own certs directory. A store that was moved has none: it names its old place. */
export function recordedFiles(auth: AuthOptionsV3): TlsFiles {
  return Object.fromEntries(
    RECORDED.flatMap(([part, field, usual]) => {
      const path = auth[field]
      const own = path === '' || !isAbsolute(path) || path === join(auth.CertDir || dirname(path), usual)
      return own ? [] : [[part, path] as const]
    }),
  )
}

function textOf(value: JsonObject[string] | undefined): string {
  return typeof value === 'string' ? value : ''
}
