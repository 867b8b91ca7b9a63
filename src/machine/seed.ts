import type { SeedDocuments } from '../contracts/driver.js'
import type { JsonObject } from '../contracts/json.js'
import { multipart, type Part } from '../util/multipart.js'
import { jsonForYaml } from '../util/text.js'
import { hostName } from './machine-name.js'

/** A file of root's; `mode` is octal. */
export interface SeedFile {
  readonly path: string
  readonly mode: string
  readonly content: string
  /** Added to what the guest has there, at every boot of our image. */
  readonly append?: true
}

/** What a new guest is told at its first boot. */
export interface SeedInput {
  readonly name: string
  readonly instanceId: string
  readonly user: string
  /** Our client key's public half, then those of the user's own. */
  readonly authorizedKeys: readonly string[]
  /** The host key pair that we pinned; absent after rotation, so that nothing in the guest can read it. */
  readonly hostKey?: { readonly privatePem: string; readonly publicLine: string }
  /** Those that may hold the engine's key are absent once the host is configured. */
  readonly files?: readonly SeedFile[]
  /** Further cloud-config keys that the driver's settings need. */
  readonly extra?: JsonObject
  /** The user's own user data (`ownPart`). */
  readonly own?: Part
}

/**
 * NoCloud documents for our image and for any cloud image. User data is one JSON document, which is YAML, so that
 * nothing in it needs quoting; with the user's own it becomes a MIME document. Source: cloud-init's NoCloud and
 * cloud-config module documentation.
 */
export function seedDocuments(input: SeedInput): SeedDocuments {
  const metaData = { 'instance-id': input.instanceId, 'local-hostname': hostName(input.name) }
  return {
    metaData: `${jsonForYaml(JSON.stringify(metaData, undefined, 2))}\n`,
    userData: input.own
      ? multipart([input.own, cloudConfigPart({ ...lists(input), merge_how: APPEND }), settingsPart(input)])
      : cloudConfig({ ...settings(input), ...lists(input), ...input.extra }),
  }
}

/** Lists of ours are added to the user's. */
const APPEND = [
  { name: 'list', settings: ['append'] },
  { name: 'dict', settings: ['no_replace', 'recurse_list'] },
]

/** What else we say stands in place of what the user says. */
const REPLACE = [{ name: 'dict', settings: ['replace'] }]

function settingsPart(input: SeedInput): Part {
  return cloudConfigPart({ ...settings(input), merge_how: REPLACE })
}

function lists({ user, authorizedKeys, files, extra = {} }: SeedInput): JsonObject {
  return {
    users: [userEntry(user, authorizedKeys)],
    ...(files ? { write_files: files.map(writeFile) } : {}),
    ...Object.fromEntries(Object.entries(extra).filter(([, value]) => Array.isArray(value))),
  }
}

function settings({ name, user, hostKey, extra = {} }: SeedInput): JsonObject {
  return {
    hostname: hostName(name),
    preserve_hostname: false,
    disable_root: user !== ROOT,
    ssh_pwauth: false,
    ...(hostKey ? hostKeyKeys(hostKey) : { ssh_deletekeys: false, ssh_genkeytypes: [] }),
    ...Object.fromEntries(Object.entries(extra).filter(([, value]) => !Array.isArray(value))),
  }
}

const ROOT = 'root'

/** root is there already and needs no leave to become what it is. */
function userEntry(name: string, keys: readonly string[]): JsonObject {
  const login = { name, lock_passwd: true, ssh_authorized_keys: keys }
  return name === ROOT ? login : { ...login, shell: '/bin/sh', sudo: 'ALL=(ALL) NOPASSWD:ALL' }
}

function cloudConfigPart(config: JsonObject): Part {
  return { type: 'text/cloud-config', content: Buffer.from(cloudConfig(config)) }
}

function cloudConfig(config: JsonObject): string {
  return `#cloud-config\n${jsonForYaml(JSON.stringify(config, undefined, 2))}\n`
}

function writeFile({ path, mode, content, append }: SeedFile): JsonObject {
  return { path, permissions: `0${mode}`, content, ...(append ? { append } : {}) }
}

function hostKeyKeys(key: { privatePem: string; publicLine: string }): JsonObject {
  return {
    ssh_deletekeys: true,
    ssh_genkeytypes: [],
    ssh_keys: { ed25519_private: key.privatePem, ed25519_public: key.publicLine },
  }
}
