/** Where secrets stay between runs (design 4): the record keeps a reference, never the value. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Secret, SecretRef } from '../contracts/secrets.js'
import { unlessAborted } from '../util/abort.js'
import { makePrivateDir, writeFileAtomic } from '../util/atomic-file.js'
import { removeForGood } from '../util/durable.js'
import { errnoOf, fileError } from '../util/file-error.js'
import { dockerConfigPath } from '../util/paths.js'
import {
  configuredHelper,
  eraseCredential,
  getCredential,
  listCredentials,
  storeCredential,
} from './credential-helper.js'
import { checkedId, readSecretFile, resolveReference } from './secret-reference.js'

type Environment = Readonly<Record<string, string | undefined>>

/** What a secret belongs to: the account at a provider, so that all its machines share one, and which of its secrets. */
export interface SecretKey {
  /** `digitalocean`, or with the account's own name where a driver has several: `openstack/demo@example`. */
  readonly account: string
  /** The driver's config key: `accessToken`. */
  readonly field: string
}

/** What the backend has for a key. */
export interface SecretEntry {
  readonly secret: Secret
  readonly reference: SecretRef
}

/** The store's secret backend: the configured docker credential helper, else files that only the owner can read. */
export class SecretStore {
  readonly #resolved = new Map<SecretRef, Promise<Secret>>()

  constructor(
    private readonly dir: string,
    private readonly env: Environment,
  ) {}

  /**
   * Keeps a secret and returns the reference for the record.
   * @throws MachineError `store` when the backend refuses it
   */
  async save(key: SecretKey, secret: Secret, signal?: AbortSignal): Promise<SecretRef> {
    this.#resolved.clear()
    const helper = configuredHelper(dockerConfigPath(this.env))
    if (helper !== undefined) {
      await storeCredential({ helper, server: serverOf(key) }, key.field, secret, this.#options(signal))
      return `docker-credential:${helper}:${serverOf(key)}`
    }
    await makePrivateDir(this.dir)
    await writeFileAtomic(join(this.dir, idOf(key)), secret.reveal(), { mode: 0o600 })
    return `store:${idOf(key)}`
  }

  /** The backend's own entry for a key, if it has one, and the reference that names it. */
  async entry(key: SecretKey, signal?: AbortSignal): Promise<SecretEntry | undefined> {
    const helper = configuredHelper(dockerConfigPath(this.env))
    if (helper !== undefined) {
      const secret = await getCredential({ helper, server: serverOf(key) }, this.#options(signal))
      if (secret) return { secret, reference: `docker-credential:${helper}:${serverOf(key)}` }
    }
    const secret = await readSecretFile(join(this.dir, idOf(key)))
    return secret && { secret, reference: `store:${idOf(key)}` }
  }

  /** References to everything that the backend has of ours. */
  async references(signal?: AbortSignal): Promise<readonly SecretRef[]> {
    const helper = configuredHelper(dockerConfigPath(this.env))
    const servers = helper === undefined ? [] : await listCredentials(helper, this.#options(signal))
    const ours = servers.filter((server) => server.startsWith(SERVER_PREFIX))
    return [
      ...ours.map((server): SecretRef => `docker-credential:${helper ?? ''}:${server}`),
      ...idsIn(this.dir).map((id): SecretRef => `store:${id}`),
    ]
  }

  /**
   * The value behind a reference. A program is asked once in a process: hundreds of machines have the same.
   * @throws MachineError `preflight` naming the reference and what it lacks
   */
  async resolve(reference: SecretRef, signal?: AbortSignal): Promise<Secret> {
    // A file (on a share, a pipe) may never answer, and its reading hears of no signal.
    return await unlessAborted(this.#resolved.get(reference) ?? this.#ask(reference, signal), signal)
  }

  async #ask(reference: SecretRef, signal?: AbortSignal): Promise<Secret> {
    const asked = resolveReference(reference, { dir: this.dir, ...this.#options(signal) })
    if (!/^(cmd|docker-credential):/.test(reference)) return await asked
    this.#resolved.set(reference, asked)
    asked.catch(() => this.#resolved.delete(reference))
    return await asked
  }

  /** Forgets what `save` kept; references to places of the user's own are left alone. */
  async erase(reference: SecretRef, signal?: AbortSignal): Promise<void> {
    this.#resolved.delete(reference)
    if (reference.startsWith('store:')) {
      await removeForGood(join(this.dir, checkedId(reference.slice('store:'.length))))
      return
    }
    const [, helper, server] = /^docker-credential:([^:]+):(.+)$/.exec(reference) ?? []
    if (helper && server?.startsWith(SERVER_PREFIX))
      await eraseCredential({ helper, server }, this.#options(signal))
  }

  #options(signal: AbortSignal | undefined): { env: Environment; signal?: AbortSignal } {
    return { env: this.env, ...(signal ? { signal } : {}) }
  }
}

/** `.invalid` names no host (RFC 2606): no registry can ask a helper for these entries. */
const SERVER_PREFIX = 'https://tsmachine.invalid/'

function serverOf({ account, field }: SecretKey): string {
  return `${SERVER_PREFIX}${encodeURIComponent(account)}/${encodeURIComponent(field)}`
}

/** Whether a reference of the backend's is to the entry for a key. */
export function isEntryFor(reference: SecretRef, key: SecretKey): boolean {
  return reference === `store:${idOf(key)}` || helperServer(reference) === serverOf(key)
}

/** Account and field of an entry that was kept for one value of an account: `DRIVER/FINGERPRINT`. */
export function isKeptFor(reference: SecretRef, { account, field }: SecretKey): boolean {
  const server = helperServer(reference)
  if (server !== undefined)
    return (
      server.startsWith(`${SERVER_PREFIX}${encodeURIComponent(`${account}/`)}`) &&
      server.endsWith(`/${field}`)
    )
  // File names of different paths may look alike: a secret must not go to another path's driver.
  if (!/^[a-z0-9-]+$/i.test(account)) return false
  return new RegExp(`^store:${account}-[0-9a-f]{16}-${field}-[0-9a-f]{16}$`).test(reference)
}

function helperServer(reference: SecretRef): string | undefined {
  return /^docker-credential:[^:]+:(.+)$/.exec(reference)?.[1]
}

function idsIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => !name.startsWith('.'))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw fileError('read', dir, error)
  }
}

/** A file name for a key: readable, and unique by its hash. */
function idOf({ account, field }: SecretKey): string {
  const readable = `${account}-${field}`.replace(/[^A-Za-z0-9-]+/g, '-').slice(0, 60)
  return `${readable}-${createHash('sha256').update(`${account}\0${field}`).digest('hex').slice(0, 16)}`
}
