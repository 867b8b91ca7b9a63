/**
 * `tsmachine.json` and `config.json` read and replaced as one. The new `config.json` is staged beside the old one, the
 * ledger with its hash goes in first, then the staged file takes its place: whatever instant a crash hits, the ledger's
 * hash says which of the two texts belongs to it.
 */
import { hash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import {
  type BrokenRecord,
  type HostRecordV3,
  type LedgerRecord,
  type MachineRecord,
} from '../contracts/record.js'
import { type FileOps, moveOver, syncDirectory, writeFileAtomic } from '../util/atomic-file.js'
import { errnoOf, fileError } from '../util/file-error.js'
import { driverStateText, formatHostRecord, recordOfState } from './go-json.js'
import type { RecordPlace } from './blank-record.js'
import { readStamped, stampFile } from './config-stamp.js'
import { BACKUP, CONFIG, LEDGER, STAGED } from './layout.js'
import { settlePaths } from './record-paths.js'
import { isOldHostRecord, type Parsed, parseHostRecord, parseLedger } from './schema.js'

/** Both texts as they were at one instant. */
interface Snapshot {
  readonly ledger: string | undefined
  readonly parsed: Parsed<LedgerRecord> | undefined
  /** The text that belongs to the ledger, or that docker-machine wrote since. */
  readonly config: string | undefined
  /**
   * `file` and `staged` have the ledger's hash (a crash fell between the two writes where it is the staged text);
   * `alone` has no ledger that could tell.
   */
  readonly source: 'file' | 'staged' | 'foreign' | 'alone'
}

class UnreadableFile extends Error {
  constructor(file: string, cause: unknown) {
    super(`${file} cannot be read: ${READ_FAULTS[errnoOf(cause) ?? ''] ?? String(cause)}`)
  }
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  EIO: 'the disk reports an error',
  ELOOP: 'it is a symbolic link to itself',
}

/** What `writeFileAtomic` calls the unfinished copies of our two files. */
const TEMPORARY = /^\.(tsmachine\.json|\.config\.json\.next|config\.json\.bak|shell-env)\.[0-9a-f]{12}\.tmp$/

/** How often a reader looks again while writers are at it; each look takes some 50 microseconds. */
const LOOKS = 200

/** One machine's record, without a lock. Whatever the files hold is an answer, never an error. */
export function readRecordFiles(place: RecordPlace): MachineRecord | BrokenRecord {
  const { name, dir } = place
  try {
    return interpret(place, takeSnapshot(dir))
  } catch (error) {
    return { name, dir, error: error instanceof UnreadableFile ? error.message : String(error) }
  }
}

/**
 * Whether `readRecordFiles` would give a whole record: each file is read once and nothing is hashed, for a record that
 * is in order is whole whoever wrote it. Whatever is not plain is left to the full reading.
 */
export function isWholeRecord(place: RecordPlace): boolean {
  return looksWhole(place) || !('error' in readRecordFiles(place))
}

function looksWhole(place: RecordPlace): boolean {
  const { dir } = place
  try {
    const ledger = readText(dir, LEDGER)
    if (ledger !== undefined && ('fault' in parseLedger(ledger) || isThere(dir, STAGED))) return false
    const config = readText(dir, CONFIG)
    const parsed = config === undefined ? undefined : parseHostRecord(config, place)
    return parsed !== undefined && 'value' in parsed && parsed.value.Driver['StorePath'] === place.root
  } catch {
    return false
  }
}

function interpret(place: RecordPlace, snapshot: Snapshot): MachineRecord | BrokenRecord {
  const { name, dir } = place
  const ledger = snapshot.parsed
  if (ledger && 'fault' in ledger) return { name, dir, error: `${LEDGER} ${ledger.fault}` }
  const known = ledger ? { ledger: ledger.value } : {}
  if (snapshot.config === undefined) return { name, dir, error: `${CONFIG} is missing`, ...known }
  const config = parseHostRecord(snapshot.config, place)
  if ('fault' in config) return { name, dir, error: `${CONFIG} ${config.fault}`, ...known }
  const foreign = snapshot.source === 'foreign' ? { foreign: true } : {}
  // The directory is the name, whatever the file says: it may be a copy.
  const named = { ...config.value, Name: name }
  return settlePaths({ name, dir, config: named, ...known, ...foreign }, place)
}

/**
 * A text with the hash of the ledger that was read before it is what belonged to that ledger. Any other pair is looked
 * at until it was seen twice: then it is no writer at work.
 */
function takeSnapshot(dir: string): Snapshot {
  let snapshot = look(dir)
  for (let looks = 1; looks < LOOKS; looks++) {
    if (snapshot.source === 'file' || snapshot.source === 'staged') return snapshot
    if (snapshot.ledger === undefined && !isThere(dir, LEDGER)) return snapshot
    const again = look(dir)
    if (again.ledger === snapshot.ledger && again.config === snapshot.config) return again
    snapshot = again
  }
  return snapshot
}

function look(dir: string): Snapshot {
  const ledger = readText(dir, LEDGER)
  const { text: config, stamp } = readConfig(dir)
  const parsed = ledger === undefined ? undefined : parseLedger(ledger)
  if (parsed === undefined || 'fault' in parsed) return { ledger, parsed, config, source: 'alone' }
  const hashes = parsed.value
  if (stamp !== undefined && stamp === hashes.configStamp) return { ledger, parsed, config, source: 'file' }
  const found = config === undefined ? hashes.replacedHash : hashOf(config)
  if (config !== undefined && found === hashes.configHash) return { ledger, parsed, config, source: 'file' }
  const staged = found === hashes.replacedHash ? readText(dir, STAGED) : undefined
  if (staged !== undefined && hashOf(staged) === hashes.configHash)
    return { ledger, parsed, config: staged, source: 'staged' }
  return { ledger, parsed, config, source: 'foreign' }
}

/** Finishes what a crash left between the two writes and clears away its temporary files. Call with the write lock held. */
export async function finishRecordFiles(dir: string, ops: FileOps): Promise<void> {
  if (look(dir).source === 'staged') await moveStaged(dir, ops)
  try {
    for (const entry of readdirSync(dir).filter((name) => name === STAGED || TEMPORARY.test(name)))
      await ops.rm(join(dir, entry), { force: true })
  } catch (error) {
    throw fileError('write', dir, error)
  }
}

/** What both files of a machine are to hold. */
export interface RecordContent {
  readonly ledger: LedgerRecord
  readonly config: HostRecordV3
  /** The text that `config.Driver` was read from, where a driver has just given it: every digit of it is kept. */
  readonly state?: string
}

/** The `Driver` of a record as JSON text with every digit of its file. */
export function recordedState({ dir, config }: MachineRecord): string {
  return driverStateText(config.Driver, readConfig(dir).text)
}

/**
 * Replaces both files; the old ones stay when it fails. Call with the write lock held, after `finishRecordFiles`.
 * @returns the ledger as written, with the hash of the new `config.json`
 * @throws MachineError `store` saying why
 */
export async function writeRecordFiles(
  dir: string,
  next: RecordContent,
  ops: FileOps,
): Promise<LedgerRecord> {
  const { text: current, stamp: currentStamp } = readConfig(dir)
  const text = formatHostRecord(next.config, next.state === undefined ? current : recordOfState(next.state))
  const changed = current !== text
  const replaced = current === undefined ? {} : { replacedHash: hashOf(current) }
  if (current !== undefined && isOldHostRecord(current))
    await writeFileAtomic(join(dir, BACKUP), current, { ops })
  if (changed) await stage(dir, text, ops)
  const { configStamp: known, ...rest } = next.ledger
  const configStamp = changed ? await stampFile(join(dir, STAGED)) : currentStamp
  // One that is not of our making may be of a file that was written twice in an instant.
  const stamped = configStamp !== undefined && (changed || configStamp === known) ? { configStamp } : {}
  const ledger = { ...rest, configHash: hashOf(text), ...replaced, ...stamped }
  const ledgerText = `${JSON.stringify(ledger, null, 2)}\n`
  try {
    await writeFileAtomic(join(dir, LEDGER), ledgerText, { ops })
  } catch (error) {
    if (!isWritten(dir, ledgerText)) await unstage(dir, ops)
    throw error
  }
  if (changed) await moveStaged(dir, ops)
  return ledger
}

async function stage(dir: string, text: string, ops: FileOps): Promise<void> {
  try {
    await writeFileAtomic(join(dir, STAGED), text, { ops })
  } catch (error) {
    await unstage(dir, ops)
    throw error
  }
}

/** What stays is cleared away by the next writer. */
async function unstage(dir: string, ops: FileOps): Promise<void> {
  await ops.rm(join(dir, STAGED), { force: true }).catch(() => undefined)
}

/** Whether the ledger is in its place although the writer was told of a failure. Yes if that cannot be told. */
function isWritten(dir: string, ledgerText: string): boolean {
  try {
    return readText(dir, LEDGER) === ledgerText
  } catch {
    return true
  }
}

/** Writes what `config.json` does not tell: the two go on belonging together. Call with the write lock held. */
export async function writeLedgerAlone(dir: string, ledger: LedgerRecord, ops: FileOps): Promise<void> {
  await writeFileAtomic(join(dir, LEDGER), `${JSON.stringify(ledger, null, 2)}\n`, { ops })
}

async function moveStaged(dir: string, ops: FileOps): Promise<void> {
  try {
    await moveOver(join(dir, STAGED), join(dir, CONFIG), ops)
    await syncDirectory(dir, ops)
  } catch (error) {
    throw fileError('write', join(dir, CONFIG), error)
  }
}

function readText(dir: string, file: string): string | undefined {
  return unlessMissing(file, () => readFileSync(dir + sep + file, 'utf8'))
}

function readConfig(dir: string): Partial<ReturnType<typeof readStamped>> {
  return unlessMissing(CONFIG, () => readStamped(dir + sep + CONFIG)) ?? {}
}

function unlessMissing<T>(file: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw new UnreadableFile(file, error)
  }
}

function isThere(dir: string, file: string): boolean {
  return lstatSync(dir + sep + file, { throwIfNoEntry: false }) !== undefined
}

function hashOf(text: string): string {
  return hash('sha256', text)
}
