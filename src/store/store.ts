import { randomBytes } from 'node:crypto'
import { basename, join, sep } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import type { RecordMapping } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { BrokenRecord, HostRecordV3, LedgerRecord, MachineRecord } from '../contracts/record.js'
import { type FileOps, makePrivateDir, realFileOps, writeFileAtomic } from '../util/atomic-file.js'
import { systemClock } from '../util/clock.js'
import {
  acquireLock,
  type Lock,
  type LockHolder,
  type LockOptions,
  readHolder,
  withLock,
} from '../util/locks.js'
import type { RecordPlace } from './blank-record.js'
import {
  bringIn,
  directoryNames,
  existsError,
  isDirectory,
  moveOut,
  removeEmpty,
  takeOut,
} from './directories.js'
import { readImportNote, writeImportNote } from './import-note.js'
import { isPlainName, StoreLayout } from './layout.js'
import {
  finishRecordFiles,
  isWholeRecord,
  readRecordFiles,
  type RecordContent,
  recordedState,
  writeLedgerAlone,
  writeRecordFiles,
} from './record-files.js'
import { currentLedger, projectConfig, withDriverState } from './records.js'
import { SecretStore } from './secrets.js'
import { renderShellEnv, shellEnvIsCurrent } from './shell-env-file.js'
import { addFormerId, moveHome, noteHome, otherHome, readFormerIds, type StoreHome } from './store-home.js'
import { storeExposure, type StoreFault } from './store-exposure.js'
import { ensureStoreId, newStoreId, readStoreId } from './store-id.js'
import { sweepStore } from './sweep.js'

export interface StoreOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock
  /** Name of the program in docker-machine's texts. */
  readonly program?: string
  readonly files?: FileOps
  /** What shells may read as the answer of `env`; undefined where only the program can tell. */
  readonly shellEnv?: (record: MachineRecord) => Promise<string | undefined>
  /** Told once, when the first machine is worked on, where others can reach the store. */
  readonly exposed?: (fault: StoreFault) => void
}

/** Everything but what the lock is for. */
export type StoreLockOptions = Omit<LockOptions, 'what' | 'machine'>

/** A machine that `rm -f` gave up on: its provider may still have some of it. */
export interface Tombstone {
  readonly name: string
  readonly id: string
  readonly dir: string
  readonly record: MachineRecord | BrokenRecord
}

export type OwnRecord = MachineRecord & { readonly ledger: LedgerRecord }

/**
 * The records of all machines, in docker-machine's place and shape (docs/store-layout.md). Nothing is made on disk
 * before the first write; readers take no lock.
 */
export class Store {
  readonly secrets: SecretStore
  readonly #layout: StoreLayout
  readonly #options: StoreOptions
  readonly #files: FileOps
  #looked = false

  constructor(
    readonly root: string,
    options: StoreOptions = {},
  ) {
    this.#layout = new StoreLayout(root)
    this.#options = options
    this.#files = options.files ?? realFileOps
    this.secrets = new SecretStore(this.#layout.secretsDir, options.env ?? {})
  }

  get certsDir(): string {
    return this.#layout.certsDir
  }

  /** Absolute path of a machine's directory, whether it exists or not. */
  dir(name: string): string {
    return this.#layout.machineDir(name)
  }

  /** Names this store among others: 32 hex digits, made at first need. */
  async id(): Promise<string> {
    const id = await ensureStoreId(this.#layout.idFile)
    await noteHome(this.#layout.homeFile)
    return id
  }

  /** Another computer, if the store was there when it got its id: perhaps a copy of it still is, and uses the same id. */
  copiedFrom(): StoreHome | undefined {
    return otherHome(this.#layout.homeFile)
  }

  /** Ids that this store had before. What bears one may belong to the store that this one is a copy of. */
  formerIds(): readonly string[] {
    return readFormerIds(this.#layout.formerIdsFile)
  }

  /** Another id, here. */
  async renewId(): Promise<void> {
    await addFormerId(this.#layout.formerIdsFile, await this.id())
    await writeFileAtomic(this.#layout.idFile, newStoreId(), { mode: 0o600, ops: this.#files })
    await this.moveHere()
  }

  /** The store with its id belongs to this computer. */
  async moveHere(): Promise<void> {
    await moveHome(this.#layout.homeFile)
  }

  /** The same for readers: undefined as long as nobody needed to write it. */
  knownId(): string | undefined {
    return readStoreId(this.#layout.idFile)
  }

  /** Names of all machines, sorted. @throws MachineError `store` when the store cannot be read at all */
  names(): string[] {
    return directoryNames(this.#layout.machinesDir)
  }

  exists(name: string): boolean {
    return isPlainName(name) && isDirectory(this.dir(name))
  }

  /** One machine's record; a bad one is an answer too. Never throws for what the files hold. */
  read(name: string): MachineRecord | BrokenRecord {
    if (!this.exists(name)) return { name, dir: this.dir(name), error: this.#missingText(name) }
    return readRecordFiles({ name, dir: this.dir(name), root: this.root })
  }

  readAll(): (MachineRecord | BrokenRecord)[] {
    const records = this.#places().map(readRecordFiles)
    // One that was removed while we read the others is no broken record.
    return records.filter((record) => !('error' in record) || this.exists(record.name))
  }

  /** Names of the machines whose records are whole, and of the others, at less cost than reading them all. */
  namesByWholeness(): { readonly whole: readonly string[]; readonly broken: readonly string[] } {
    const [whole, broken]: [string[], string[]] = [[], []]
    for (const place of this.#places())
      if (isWholeRecord(place)) whole.push(place.name)
      else if (this.exists(place.name)) broken.push(place.name)
    return { whole, broken }
  }

  /** @throws MachineError `not-found` in docker-machine's words, `store` when the record cannot be read */
  get(name: string): MachineRecord {
    if (!this.exists(name)) throw new MachineError('not-found', this.#missingText(name), { machine: name })
    const record = this.read(name)
    if (!('error' in record)) return record
    throw new MachineError('store', `Error loading host "${name}": ${record.error}`, {
      machine: name,
      hints: [
        `Look at the files in ${record.dir}`,
        `Remove the machine: ${this.#program} rm -f ${name} (what its provider has may stay)`,
      ],
    })
  }

  /**
   * Writes a new machine's record, and beside it private `files` by name. No reader ever sees the directory without them.
   * @throws MachineError `exists` when there is one; of two at once one wins
   */
  async create(
    name: string,
    first: RecordContent,
    files: Readonly<Record<string, Buffer>> = {},
  ): Promise<void> {
    if (!isPlainName(name)) throw new MachineError('usage', `"${name}" cannot be the name of a directory`)
    await this.#writing(name, async () => {
      if (this.exists(name)) throw existsError(name)
      await bringIn(
        this.#layout.machinesDir,
        name,
        async (dir) => {
          await this.#fill(dir, files)
          await writeRecordFiles(dir, first, this.#files)
        },
        this.#files,
      )
      await this.#renderShellEnv(name)
    })
  }

  /**
   * Changes a record: reads it again, takes over what docker-machine changed, applies `change`, writes the ledger and
   * its projection `config.json`. A crash in between is finished by the next writer.
   * @param state what an `unread` driver has given as its state (JSON text): all of `Driver` from now on
   */
  async update(
    name: string,
    mapping: RecordMapping,
    change: (ledger: LedgerRecord, config: HostRecordV3) => LedgerRecord,
    state?: string,
  ): Promise<OwnRecord> {
    if (!this.exists(name)) this.get(name)
    return await this.#writing(name, async () => {
      if (this.exists(name)) await finishRecordFiles(this.dir(name), this.#files)
      const record = this.get(name)
      const before = currentLedger(record, mapping)
      const changed = {
        ...change(before, record.config),
        generation: before.generation + 1,
        updatedAt: this.#clock.now().toISOString(),
      }
      const previous = state === undefined ? record.config : withDriverState(record.config, state)
      const config = projectConfig(changed, previous, mapping)
      const content = { ledger: changed, config, ...(state === undefined ? {} : { state }) }
      const ledger = await writeRecordFiles(record.dir, content, this.#files)
      await this.#renderShellEnv(name)
      return { name, dir: record.dir, config, ledger }
    })
  }

  /** What an `unread` driver keeps in a record: JSON text with every digit. */
  driverState(record: MachineRecord): string {
    return recordedState(record)
  }

  /** Makes what shells read as the answer of `env` again, if a record of ours was changed behind our back. No lock, no error. */
  async refreshShellEnv(record: MachineRecord): Promise<void> {
    const { shellEnv } = this.#options
    if (!shellEnv || !record.ledger || shellEnvIsCurrent(record.dir)) return
    if ((await shellEnv(record).catch(() => undefined)) !== undefined) await this.#renderShellEnv(record.name)
  }

  /** The lock that a verb holds while it works on a machine. */
  async lock(name: string, what: string, options: StoreLockOptions = {}): Promise<Lock> {
    this.#tellExposure()
    return await acquireLock(this.#layout.machineLock(name), {
      clock: this.#clock,
      ...options,
      what,
      machine: name,
    })
  }

  /** Who holds a machine's lock right now. */
  lockHolder(name: string): LockHolder | undefined {
    return readHolder(this.#layout.machineLock(name))
  }

  /** The lock around making and renewing the CA. */
  async lockCa(options: StoreLockOptions = {}): Promise<Lock> {
    return await acquireLock(this.#layout.caLock, {
      clock: this.#clock,
      ...options,
      what: 'make certificates',
    })
  }

  /** Removes a machine's directory. Nothing there is fine. */
  async remove(name: string): Promise<void> {
    if (!isPlainName(name) || !isDirectory(this.#layout.machinesDir)) return
    await this.#writing(name, () => takeOut(this.#layout.machinesDir, name, this.#files))
  }

  /** Moves a machine's directory to `machines/.removed/NAME-ID`, where `gc` and `doctor` find it. */
  async tombstone(name: string): Promise<void> {
    if (!this.exists(name)) return
    await this.#writing(name, async () => {
      const record = this.read(name)
      // Machines without a ledger of ours have no id; a second one of the name must not replace the first.
      const id = record.ledger?.machineId ?? randomBytes(16).toString('hex')
      await makePrivateDir(this.#layout.removedDir, this.#files)
      const target = join(this.#layout.removedDir, `${name}-${id}`)
      await moveOut(this.#layout.machinesDir, name, target, this.#files)
    })
  }

  tombstones(): Tombstone[] {
    return directoryNames(this.#layout.removedDir).map((entry) => {
      const dash = entry.lastIndexOf('-')
      const [name, id] = [entry.slice(0, dash), entry.slice(dash + 1)]
      const dir = join(this.#layout.removedDir, entry)
      return { name, id, dir, record: readRecordFiles({ name, dir, root: this.root }) }
    })
  }

  /** Changes in the ledger of a tombstone, or of a broken record, what has no place in `config.json`. */
  async updateRemains(
    { name, dir, ledger }: Pick<MachineRecord, 'name' | 'dir' | 'ledger'>,
    change: (ledger: LedgerRecord) => LedgerRecord,
  ): Promise<void> {
    if (ledger)
      await this.#writing(name, async () => await writeLedgerAlone(dir, change(ledger), this.#files))
  }

  /** Forgets a machine that `rm -f` gave up on: nothing of it is left. */
  async forget(tombstone: Tombstone): Promise<void> {
    await takeOut(this.#layout.removedDir, basename(tombstone.dir), this.#files)
  }

  /** Puts a CA and its client pair into a store that has none: all of the files, or none of them. Call with the CA's lock held. */
  async bringCerts(files: Readonly<Record<string, Buffer>>): Promise<void> {
    const { certsDir } = this.#layout
    if (isDirectory(certsDir) && !(await removeEmpty(certsDir))) return
    await bringIn(this.root, basename(certsDir), (dir) => this.#fill(dir, files), this.#files)
  }

  /** Machines of an import that was cut, by their ids. */
  notedImport(): readonly string[] {
    return readImportNote(this.#layout.importNote)
  }

  /** Notes what an import is about to bring in; nothing when it has. */
  async noteImport(ids: readonly string[]): Promise<void> {
    await writeImportNote(this.#layout.importNote, ids)
  }

  /** Removes what killed programs have left: their locks, and files that never got their name. Returns what it was. */
  async sweep(): Promise<readonly string[]> {
    return await sweepStore(this.root, this.#clock)
  }

  #tellExposure(): void {
    const { exposed } = this.#options
    if (this.#looked || !exposed) return
    this.#looked = true
    const fault = storeExposure(this.root)
    if (fault) exposed(fault)
  }

  #places(): RecordPlace[] {
    const { machinesDir } = this.#layout
    return this.names().map((name) => ({ name, dir: machinesDir + sep + name, root: this.root }))
  }

  get #clock(): Clock {
    return this.#options.clock ?? systemClock
  }

  get #program(): string {
    return this.#options.program ?? 'docker-machine'
  }

  #missingText(name: string): string {
    const program = this.#program
    return `Docker machine "${name}" does not exist. Use "${program} ls" to list machines. Use "${program} create" to add a new one.`
  }

  async #fill(dir: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
    for (const [file, content] of Object.entries(files))
      await writeFileAtomic(join(dir, file), content, { mode: 0o600, ops: this.#files })
  }

  async #renderShellEnv(name: string): Promise<void> {
    const { shellEnv } = this.#options
    if (!shellEnv) return
    await renderShellEnv(this.dir(name), async () => {
      const record = this.read(name)
      return 'error' in record ? undefined : await shellEnv(record)
    })
  }

  async #writing<T>(name: string, work: () => Promise<T>): Promise<T> {
    const options = { what: `write the record of ${name}`, machine: name }
    return await withLock(this.#layout.writeLock(name), options, work)
  }
}
