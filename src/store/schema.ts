/** The shapes of the two record files, checked when they are read. Unknown keys are kept: newer programs wrote them. */
import { STAGES } from '../contracts/events.js'
import type { JsonObject } from '../contracts/json.js'
import type { HostRecordV3, LedgerRecord } from '../contracts/record.js'
import type { RecordPlace } from './blank-record.js'
import { liftRecord } from './lift-record.js'
import * as s from './shape.js'

const texts = s.list(s.string)
const json = s.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)
const secretRef = s.custom<LedgerRecord['secrets'][string]>(
  (value) => typeof value === 'string' && /^(env|file|cmd|docker-credential|store):/.test(value),
)

const resource = s.object({
  kind: s.string,
  key: s.string,
  id: s.optional(s.string),
  region: s.optional(s.string),
  tags: s.optional(s.map(s.string)),
  state: s.oneOf(['intended', 'made', 'removed']),
  attributes: s.optional(json),
})

const engineChoices = s.object({
  installUrl: s.optional(s.string),
  opts: texts,
  labels: texts,
  insecureRegistries: texts,
  registryMirrors: texts,
  storageDriver: s.optional(s.string),
  env: texts,
  registryCas: s.map(s.string),
})

const swarmChoices = s.object({
  agent: s.boolean,
  master: s.boolean,
  discovery: s.string,
  address: s.string,
  host: s.string,
  image: s.string,
  strategy: s.string,
  opts: texts,
  joinOpts: texts,
  experimental: s.boolean,
})
const accessChoice = s.object({ openTo: texts })
const accessRules = s.object({ ssh: texts, engine: texts })
const recordedAccess = s.object({
  sources: texts,
  here: s.optional(s.string),
  rules: accessRules,
  next: s.optional(accessRules),
})
const imageReference = s.object({ digest: s.string, version: s.string })
const engineSource = s.oneOf(['image', 'bundled', 'host', 'install-url'])

const ledger = s.object({
  schemaVersion: s.literal(1),
  machineId: s.matching(/^[0-9a-f]{32}$/),
  storeId: s.optional(s.string),
  generation: s.number,
  phase: s.oneOf(['creating', 'ready', 'failed', 'removing']),
  failure: s.optional(s.object({ stage: s.string, code: s.string, message: s.string, at: s.string })),
  stepsDone: s.list(s.oneOf(STAGES)),
  driver: s.object({ name: s.string, config: json, unread: s.optional(s.literal(true)) }),
  options: s.object({
    engine: engineChoices,
    tlsSans: texts,
    swarm: s.optional(swarmChoices),
    access: s.optional(accessChoice),
    authorizedKeys: s.optional(texts),
    sshJump: s.optional(s.string),
    engineAccess: s.optional(s.literal('ssh')),
    fromSnapshot: s.optional(s.literal(true)),
  }),
  resources: s.list(resource),
  hostKeys: s.optional(
    s.object({
      source: s.oneOf(['given', 'user', 'known-hosts', 'first-use']),
      current: s.string,
      next: s.optional(s.string),
      rotated: s.boolean,
    }),
  ),
  hostKeyLabel: s.optional(s.string),
  ssh: s.optional(s.object({ user: s.string, keyPath: s.optional(s.string) })),
  engine: s.optional(
    s.object({
      source: engineSource,
      version: s.optional(s.string),
      port: s.number,
    }),
  ),
  engineTunnel: s.optional(s.object({ port: s.number })),
  certificate: s.optional(s.object({ sha256: s.string, notAfter: s.string })),
  secrets: s.map(secretRef),
  adopted: s.optional(s.literal(true)),
  served: s.optional(s.literal(true)),
  dockerContext: s.optional(s.string),
  access: s.optional(recordedAccess),
  image: s.optional(imageReference),
  upgrade: s.optional(
    s.object({
      source: engineSource,
      from: s.string,
      to: s.string,
      image: s.optional(imageReference),
      at: s.string,
    }),
  ),
  starting: s.optional(s.literal(true)),
  lastState: s.optional(
    s.object({
      state: s.oneOf([
        'Running',
        'Paused',
        'Saved',
        'Stopped',
        'Stopping',
        'Starting',
        'Error',
        'Timeout',
        '',
      ]),
      at: s.string,
    }),
  ),
  createdAt: s.string,
  updatedAt: s.string,
  configHash: s.string,
  replacedHash: s.optional(s.string),
  configStamp: s.optional(s.string),
})

/** Go reads an absent key as its zero value and `null` as an empty list; so do we. */
const text = s.withDefault(s.string, '')
const flag = s.withDefault(s.boolean, false)
const count = s.withDefault(s.number, 0)
const goList = s.withDefault(s.orNull(texts), null)

const engineOptions = s.object({
  ArbitraryFlags: goList,
  Dns: goList,
  GraphDir: text,
  Env: goList,
  Ipv6: flag,
  InsecureRegistry: goList,
  Labels: goList,
  LogLevel: text,
  StorageDriver: text,
  SelinuxEnabled: flag,
  TlsVerify: flag,
  RegistryMirror: goList,
  InstallURL: text,
})

const authOptions = s.object({
  CertDir: text,
  CaCertPath: text,
  CaPrivateKeyPath: text,
  CaCertRemotePath: text,
  ServerCertPath: text,
  ServerKeyPath: text,
  ClientKeyPath: text,
  ServerCertRemotePath: text,
  ServerKeyRemotePath: text,
  ClientCertPath: text,
  ServerCertSANs: goList,
  StorePath: text,
})

const hostRecord = s.object({
  ConfigVersion: s.literal(3),
  Driver: json,
  DriverName: s.string,
  HostOptions: s.object({
    Driver: text,
    Memory: count,
    Disk: count,
    EngineOptions: s.orEmpty(engineOptions),
    SwarmOptions: s.orEmpty(json),
    AuthOptions: s.orEmpty(authOptions),
  }),
  Name: text,
})

/** A parsed file, or what is wrong with it in words that name the place. */
export type Parsed<T> = { readonly value: T } | { readonly fault: string }

/** @returns the ledger, or why `tsmachine.json` cannot be used */
export function parseLedger(content: string): Parsed<LedgerRecord> {
  const parsed = parseObject(content)
  if ('fault' in parsed) return parsed
  const version = parsed.value['schemaVersion']
  if (typeof version === 'number' && version > 1)
    return { fault: `has schema version ${version}, this program reads 1: use a newer tsmachine` }
  return check(ledger, parsed.value)
}

/** @returns docker-machine's record in the shape of version 3, or why `config.json` cannot be used */
export function parseHostRecord(content: string, place: RecordPlace): Parsed<HostRecordV3> {
  const parsed = parseObject(content)
  if ('fault' in parsed) return parsed
  const version = parsed.value['ConfigVersion'] ?? 0
  if (typeof version === 'number' && version > 3)
    return {
      fault: `has version ${version}: config version is from the future -- you should upgrade your Docker Machine client`,
    }
  return check(hostRecord, isOld(version) ? liftRecord(parsed.value, place) : parsed.value)
}

/** Whether the text is a record of docker-machine before version 3. */
export function isOldHostRecord(content: string): boolean {
  const parsed = parseObject(content)
  return 'value' in parsed && isOld(parsed.value['ConfigVersion'] ?? 0)
}

function isOld(version: unknown): boolean {
  return typeof version === 'number' && version < 3
}

function parseObject(content: string): Parsed<Readonly<Record<string, unknown>>> {
  if (content === '') return { fault: 'is empty (0 bytes)' }
  try {
    const value: unknown = JSON.parse(content)
    if (isTooDeep(value)) return { fault: 'is nested too deep for a record' }
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { value: value as Record<string, unknown> }
    return { fault: 'holds JSON, but no object' }
  } catch (error) {
    return { fault: `is not JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** Far above any record. What reads or writes a value calls itself for each level, and would run out of stack. */
const DEEPEST = 200

function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth >= DEEPEST || Object.values(value).some((inner) => isTooDeep(inner, depth + 1))
}

function check<T>(shape: s.Shape<T>, value: unknown): Parsed<T> {
  const read = shape.read(value)
  return read instanceof s.Misfit ? { fault: `is not a record: ${read.path}: ${read.text}` } : { value: read }
}
