/** The shapes of the two record files, checked when they are read. Unknown keys are kept: newer programs wrote them. */
import * as v from 'valibot'
import { STAGES } from '../contracts/events.js'
import type { JsonObject } from '../contracts/json.js'
import type { HostRecordV3, LedgerRecord } from '../contracts/record.js'
import type { RecordPlace } from './blank-record.js'
import { liftRecord } from './lift-record.js'

const texts = v.array(v.string())
const json = v.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)
const secretRef = v.custom<LedgerRecord['secrets'][string]>(
  (value) => typeof value === 'string' && /^(env|file|cmd|docker-credential|store):/.test(value),
)

const resource = v.looseObject({
  kind: v.string(),
  key: v.string(),
  id: v.optional(v.string()),
  region: v.optional(v.string()),
  tags: v.optional(v.record(v.string(), v.string())),
  state: v.picklist(['intended', 'made', 'removed']),
  attributes: v.optional(json),
})

const engineChoices = v.looseObject({
  installUrl: v.optional(v.string()),
  opts: texts,
  labels: texts,
  insecureRegistries: texts,
  registryMirrors: texts,
  storageDriver: v.optional(v.string()),
  env: texts,
  registryCas: v.record(v.string(), v.string()),
})

const swarmChoices = v.looseObject({
  agent: v.boolean(),
  master: v.boolean(),
  discovery: v.string(),
  address: v.string(),
  host: v.string(),
  image: v.string(),
  strategy: v.string(),
  opts: texts,
  joinOpts: texts,
  experimental: v.boolean(),
})
const accessChoice = v.looseObject({ openTo: texts })
const accessRules = v.looseObject({ ssh: texts, engine: texts })
const recordedAccess = v.looseObject({
  sources: texts,
  here: v.optional(v.string()),
  rules: accessRules,
  next: v.optional(accessRules),
})
const imageReference = v.looseObject({ digest: v.string(), version: v.string() })
const engineSource = v.picklist(['image', 'bundled', 'host', 'install-url'])

const ledger = v.looseObject({
  schemaVersion: v.literal(1),
  machineId: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  storeId: v.optional(v.string()),
  generation: v.number(),
  phase: v.picklist(['creating', 'ready', 'failed', 'removing']),
  failure: v.optional(
    v.looseObject({ stage: v.string(), code: v.string(), message: v.string(), at: v.string() }),
  ),
  stepsDone: v.array(v.picklist(STAGES)),
  driver: v.looseObject({ name: v.string(), config: json, unread: v.optional(v.literal(true)) }),
  options: v.looseObject({
    engine: engineChoices,
    tlsSans: texts,
    swarm: v.optional(swarmChoices),
    access: v.optional(accessChoice),
    authorizedKeys: v.optional(texts),
    sshJump: v.optional(v.string()),
    engineAccess: v.optional(v.literal('ssh')),
  }),
  resources: v.array(resource),
  hostKeys: v.optional(
    v.looseObject({
      source: v.picklist(['given', 'user', 'known-hosts', 'first-use']),
      current: v.string(),
      next: v.optional(v.string()),
      rotated: v.boolean(),
    }),
  ),
  hostKeyLabel: v.optional(v.string()),
  ssh: v.optional(v.looseObject({ user: v.string(), keyPath: v.optional(v.string()) })),
  engine: v.optional(
    v.looseObject({
      source: engineSource,
      version: v.optional(v.string()),
      port: v.number(),
    }),
  ),
  engineTunnel: v.optional(v.looseObject({ port: v.number() })),
  certificate: v.optional(v.looseObject({ sha256: v.string(), notAfter: v.string() })),
  secrets: v.record(v.string(), secretRef),
  adopted: v.optional(v.literal(true)),
  dockerContext: v.optional(v.string()),
  access: v.optional(recordedAccess),
  image: v.optional(imageReference),
  upgrade: v.optional(
    v.looseObject({
      source: engineSource,
      from: v.string(),
      to: v.string(),
      image: v.optional(imageReference),
      at: v.string(),
    }),
  ),
  lastState: v.optional(
    v.looseObject({
      state: v.picklist([
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
      at: v.string(),
    }),
  ),
  createdAt: v.string(),
  updatedAt: v.string(),
  configHash: v.string(),
  replacedHash: v.optional(v.string()),
})

/** Go reads an absent key as its zero value and `null` as an empty list; so do we. */
const text = v.optional(v.string(), '')
const flag = v.optional(v.boolean(), false)
const count = v.optional(v.number(), 0)
const goList = v.optional(v.nullable(texts), null)

const engineOptions = v.looseObject({
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

const authOptions = v.looseObject({
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

const hostRecord = v.looseObject({
  ConfigVersion: v.literal(3),
  Driver: json,
  DriverName: v.string(),
  HostOptions: v.looseObject({
    Driver: text,
    Memory: count,
    Disk: count,
    EngineOptions: v.optional(engineOptions, {}),
    SwarmOptions: v.optional(json, {}),
    AuthOptions: v.optional(authOptions, {}),
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
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { value: value as Record<string, unknown> }
    return { fault: 'holds JSON, but no object' }
  } catch (error) {
    return { fault: `is not JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown): Parsed<T> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return { value: result.output }
  const [issue] = result.issues
  return { fault: `is not a record: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}` }
}
