import type { SeedDocuments } from '../contracts/driver.js'
import type { JsonObject } from '../contracts/json.js'
import { hostName } from './machine-name.js'

/** A file of root's; `mode` is octal. */
export interface SeedFile {
  readonly path: string
  readonly mode: string
  readonly content: string
}

/** What a new guest is told at its first boot. */
export interface SeedInput {
  readonly name: string
  readonly instanceId: string
  readonly user: string
  readonly authorizedKey: string
  /** The host key pair that we pinned; absent after rotation, so that nothing in the guest can read it. */
  readonly hostKey?: { readonly privatePem: string; readonly publicLine: string }
  /** Written at the first boot; absent once the host is configured, as the engine's key may be among them. */
  readonly files?: readonly SeedFile[]
  /** Further cloud-config keys that the driver's settings need. */
  readonly extra?: JsonObject
}

/**
 * NoCloud documents for our image and for any cloud image. User data is one JSON document, which is YAML, so that
 * nothing in it needs quoting. Source: cloud-init's NoCloud and cloud-config module documentation.
 */
export function seedDocuments(input: SeedInput): SeedDocuments {
  const hostname = hostName(input.name)
  const metaData = { 'instance-id': input.instanceId, 'local-hostname': hostname }
  const userData = {
    hostname,
    preserve_hostname: false,
    users: [
      {
        name: input.user,
        shell: '/bin/sh',
        sudo: 'ALL=(ALL) NOPASSWD:ALL',
        lock_passwd: true,
        ssh_authorized_keys: [input.authorizedKey],
      },
    ],
    disable_root: true,
    ssh_pwauth: false,
    ...(input.hostKey ? hostKeyKeys(input.hostKey) : { ssh_deletekeys: false, ssh_genkeytypes: [] }),
    ...(input.files ? { write_files: input.files.map(writeFile) } : {}),
    ...input.extra,
  }
  return {
    metaData: `${JSON.stringify(metaData, undefined, 2)}\n`,
    userData: `#cloud-config\n${JSON.stringify(userData, undefined, 2)}\n`,
  }
}

function writeFile({ path, mode, content }: SeedFile): JsonObject {
  return { path, permissions: `0${mode}`, content }
}

function hostKeyKeys(key: { privatePem: string; publicLine: string }): JsonObject {
  return {
    ssh_deletekeys: true,
    ssh_genkeytypes: [],
    ssh_keys: { ed25519_private: key.privatePem, ed25519_public: key.publicLine },
  }
}
