import { existsSync, readdirSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { MachineError } from '../contracts/errors.js'
import { readTree, sweepFile } from '../util/abandoned.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { findProgram } from '../util/exec.js'
import { withLock } from '../util/locks.js'
import { ContextFiles, dockerEndpoint, type ContextMeta, type ContextTls } from './context-files.js'
import { currentContext, DEFAULT_CONTEXT, setCurrentContext } from './docker-config.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface DockerContextsOptions {
  /** The Docker client's folder: `DOCKER_CONFIG` or `~/.docker`. */
  readonly configDir: string
  /** Root of our store: the previous context is remembered there. */
  readonly storeRoot: string
  readonly env: Environment
  readonly signal?: AbortSignal
}

/** Whose a context is: written into it, and asked before it is changed or removed. */
export interface ContextOwner {
  readonly storeId: string
  readonly machineId: string
}

export interface ContextWanted {
  readonly machine: string
  readonly owner: ContextOwner
  /** Name that the machine's record holds, if it has one already. */
  readonly recorded?: string
  /** `tcp://HOST:PORT`. */
  readonly url: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Called with the name before anything of a new context is written: a record that has it finds the parts after a crash. */
  readonly announce?: (name: string) => Promise<void>
}

export type ContextOutcome =
  | { readonly name: string; readonly change: 'created' | 'updated' | 'none' }
  /** There is no docker client: nothing was done, one line says so. */
  | { readonly skipped: string }

export interface UseOutcome {
  readonly name: string
  readonly previous: string
  /** Variables that win over the current context, as `NAME=value`. */
  readonly overriddenBy: readonly string[]
}

/** What the Docker client accepts as a name. */
const VALID_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/
const MARK = 'tsmachine'
const LOCK = '.tsmachine.lock'
/** Of what lies beside the client's own files. */
const OWN_FILE = /^\.tsmachine\.lock|^\.config\.json\./
const OVERRIDING = ['DOCKER_HOST', 'DOCKER_CONTEXT'] as const

/** Docker contexts of our machines. Those without our mark are never changed or removed. */
export class DockerContexts {
  readonly #files: ContextFiles
  readonly #options: DockerContextsOptions

  constructor(options: DockerContextsOptions) {
    this.#options = options
    this.#files = new ContextFiles(options.configDir)
  }

  /**
   * Makes the machine's context, or brings it up to date. The name in the outcome belongs into the machine's record.
   * @throws MachineError `store` when the client's folder cannot be written
   */
  async sync(wanted: ContextWanted): Promise<ContextOutcome> {
    if (!findProgram('docker', this.#options.env))
      return { skipped: 'No docker client found: no Docker context was made' }
    return await this.#locked(async () => {
      const existing = await this.#own(wanted.owner, wanted.recorded)
      const name = existing?.Name ?? (await this.#freeName(wanted))
      if (!existing && name !== wanted.recorded) await wanted.announce?.(name)
      const changed = await this.#files.write(newMeta(name, wanted, existing), tlsFiles(wanted))
      return { name, change: existing ? (changed ? 'updated' : 'none') : 'created' }
    })
  }

  /**
   * Removes the machine's context, if it is still ours, or the parts of one that was being written or removed when a
   * program was killed; `default` becomes current when it was. Returns its name.
   */
  async remove(owner: ContextOwner, recorded?: string): Promise<string | undefined> {
    if (!(await this.#own(owner, recorded)) && !(await this.#isPart(recorded))) return undefined
    return await this.#locked(async () => {
      const own = await this.#own(owner, recorded)
      if (!own) {
        if (recorded !== undefined && (await this.#isPart(recorded))) await this.#files.remove(recorded)
        return undefined
      }
      if ((await currentContext(this.#options.configDir)) === own.Name)
        await setCurrentContext(this.#options.configDir, DEFAULT_CONTEXT)
      await this.#files.remove(own.Name)
      if ((await this.#previous()) === own.Name) await rm(this.#previousPath(), { force: true })
      return own.Name
    })
  }

  /**
   * Makes a context current and remembers the one before; `-` goes back to that.
   * @throws MachineError `not-found` when there is no such context, `usage` when there is no previous one
   */
  async use(name: string): Promise<UseOutcome> {
    return await this.#locked(async () => {
      const target = name === '-' ? await this.#previous() : name
      if (target === undefined)
        throw new MachineError('usage', 'There is no previous Docker context to go back to', {
          hints: ['See all contexts: docker context ls'],
        })
      if (target !== DEFAULT_CONTEXT && !(await this.#files.read(target))) throw noContext(target)
      const previous = await currentContext(this.#options.configDir)
      if (previous !== target) {
        await setCurrentContext(this.#options.configDir, target)
        await writeFileAtomic(this.#previousPath(), `${previous}\n`)
      }
      return { name: target, previous, overriddenBy: this.overrides() }
    })
  }

  /** Removes what killed programs have left of their writing in the client's folder. Returns what it was. */
  async sweep(clock: Clock): Promise<readonly string[]> {
    const { configDir } = this.#options
    const own = readFolder(configDir).filter((name) => OWN_FILE.test(name))
    const below = readTree(join(configDir, 'contexts')).filter((entry) => entry.isFile())
    const swept: string[] = []
    for (const path of [
      ...own.map((name) => join(configDir, name)),
      ...below.map((entry) => join(entry.parentPath, entry.name)),
    ])
      if (await sweepFile(path, clock)) swept.push(path)
    return swept
  }

  /** The context that the client uses when no variable says otherwise. */
  async current(): Promise<string> {
    return await currentContext(this.#options.configDir)
  }

  /** Variables that win over the current context now, as `NAME=value`. */
  overrides(): readonly string[] {
    return OVERRIDING.flatMap((name) => {
      const value = this.#options.env[name]
      return value ? [`${name}=${value}`] : []
    })
  }

  /** The recorded context if it is (still) ours; without a recorded name any that carries our mark. */
  async #own(owner: ContextOwner, recorded: string | undefined): Promise<ContextMeta | undefined> {
    const named = recorded === undefined ? undefined : await this.#files.read(recorded)
    if (named && isOwn(named, owner)) return named
    return (await this.#files.list()).find((meta) => isOwn(meta, owner))
  }

  /** Keys without the file that makes a context of them: nobody but us can have begun it. */
  async #isPart(recorded: string | undefined): Promise<boolean> {
    return recorded !== undefined && (await this.#files.isPart(recorded))
  }

  async #freeName(wanted: ContextWanted): Promise<string> {
    const prefixed = `${MARK}-${wanted.machine}`
    const candidates = [wanted.machine, prefixed, `${prefixed}-${wanted.owner.machineId.slice(0, 8)}`]
    for (const name of candidates) if (isUsable(name) && !(await this.#files.read(name))) return name
    throw new MachineError('exists', `The Docker contexts ${candidates.join(', ')} all belong to others`, {
      hints: [`Remove or rename one: docker context rm ${prefixed}`],
    })
  }

  async #previous(): Promise<string | undefined> {
    const text = await readFile(this.#previousPath(), 'utf8').catch(() => '')
    return text.trim() || undefined
  }

  #previousPath(): string {
    return join(this.#options.storeRoot, 'previous-context')
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    const { configDir, signal } = this.#options
    return withLock(
      join(configDir, LOCK),
      { what: 'change Docker contexts', ...(signal ? { signal } : {}) },
      work,
    )
  }
}

function readFolder(dir: string): readonly string[] {
  return existsSync(dir) ? readdirSync(dir) : []
}

function isUsable(name: string): boolean {
  return VALID_NAME.test(name) && name !== DEFAULT_CONTEXT
}

function isOwn(meta: ContextMeta, owner: ContextOwner): boolean {
  const mark = meta.Metadata[MARK] as { store?: unknown; machine?: unknown } | undefined
  return mark?.store === owner.storeId && mark.machine === owner.machineId
}

/** What the user added to our context (description, other endpoints) stays. */
function newMeta(name: string, wanted: ContextWanted, existing?: ContextMeta): ContextMeta {
  return {
    ...existing,
    Name: name,
    Metadata: {
      Description: `tsmachine ${wanted.machine}`,
      ...existing?.Metadata,
      [MARK]: { store: wanted.owner.storeId, machine: wanted.owner.machineId },
    },
    Endpoints: { ...existing?.Endpoints, ...dockerEndpoint(wanted.url) },
  }
}

function tlsFiles(wanted: ContextWanted): ContextTls {
  return { 'ca.pem': wanted.ca, 'cert.pem': wanted.cert, 'key.pem': wanted.key }
}

function noContext(name: string): MachineError {
  return new MachineError('not-found', `There is no Docker context "${name}"`, {
    hints: ['See all contexts: docker context ls', 'Make it for a machine again: tsmachine provision NAME'],
  })
}
