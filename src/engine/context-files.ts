import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivateDir, writeFileAtomic } from '../util/atomic-file.js'
import { removeForGood } from '../util/durable.js'
import { errnoOf, fileError } from '../util/file-error.js'
import { jsonObject } from '../util/json-object.js'

/** `meta.json` of one context, as the Docker client writes it; keys that we do not know are kept. */
export interface ContextMeta {
  readonly Name: string
  readonly Metadata: Readonly<Record<string, unknown>>
  readonly Endpoints: Readonly<Record<string, unknown>>
}

/** PEM texts by the file names that the client looks for. */
export type ContextTls = Readonly<Record<'ca.pem' | 'cert.pem' | 'key.pem', string>>

const ENDPOINT = 'docker'
const META = 'meta.json'

/**
 * The Docker client's context store below its configuration folder: `contexts/meta/HASH/meta.json` and
 * `contexts/tls/HASH/docker/*.pem`, where HASH is the SHA-256 of the context's name.
 */
export class ContextFiles {
  readonly #root: string

  constructor(configDir: string) {
    this.#root = join(configDir, 'contexts')
  }

  /** All contexts that can be read; files of others that cannot are not our business. */
  async list(): Promise<readonly ContextMeta[]> {
    const folders = await entries(join(this.#root, 'meta'))
    const found = await Promise.all(folders.map((folder) => readMeta(join(this.#root, 'meta', folder, META))))
    return found.filter((meta) => meta !== undefined)
  }

  async read(name: string): Promise<ContextMeta | undefined> {
    const meta = await readMeta(this.#metaPath(name))
    return meta?.Name === name ? meta : undefined
  }

  /** Keys first: a context whose `meta.json` is there is complete. Files that are already right are left alone. */
  async write(meta: ContextMeta, tls: ContextTls): Promise<boolean> {
    let changed = false
    await makePrivateDir(this.#tlsDir(meta.Name))
    for (const [file, text] of Object.entries(tls))
      changed = (await writeIfNew(join(this.#tlsDir(meta.Name), file), text, 0o600)) || changed
    await makePrivateDir(this.#metaDir(meta.Name))
    return (await writeIfNew(this.#metaPath(meta.Name), JSON.stringify(meta), 0o644)) || changed
  }

  /** Whether there is something of a context, but not what makes one of it. */
  async isPart(name: string): Promise<boolean> {
    const [meta, tls] = await Promise.all([entries(this.#metaDir(name)), entries(this.#tlsDir(name))])
    const isThere = existsSync(this.#metaDir(name)) || tls.length > 0
    return isThere && !meta.includes(META)
  }

  /** Keys first: as long as any of it is there, `meta.json` says whose it is. */
  async remove(name: string): Promise<void> {
    await removeForGood(this.#tlsRoot(name), this.#metaDir(name))
  }

  #metaDir(name: string): string {
    return join(this.#root, 'meta', digest(name))
  }

  #metaPath(name: string): string {
    return join(this.#metaDir(name), META)
  }

  #tlsRoot(name: string): string {
    return join(this.#root, 'tls', digest(name))
  }

  #tlsDir(name: string): string {
    return join(this.#tlsRoot(name), ENDPOINT)
  }
}

/** The part of a context that says where its engine is. */
export function dockerEndpoint(host: string): Readonly<Record<string, unknown>> {
  return { [ENDPOINT]: { Host: host, SkipTLSVerify: false } }
}

function digest(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}

async function entries(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw fileError('read', dir, error)
  }
}

async function readMeta(path: string): Promise<ContextMeta | undefined> {
  try {
    const value = jsonObject(await readFile(path, 'utf8'))
    const name = value?.['Name']
    if (typeof name !== 'string') return undefined
    return {
      ...value,
      Name: name,
      Metadata: objectOf(value?.['Metadata']),
      Endpoints: objectOf(value?.['Endpoints']),
    }
  } catch {
    return undefined
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

async function writeIfNew(path: string, text: string, mode: number): Promise<boolean> {
  const old = await readFile(path, 'utf8').catch(() => undefined)
  if (old === text) return false
  await writeFileAtomic(path, text, { mode })
  return true
}
