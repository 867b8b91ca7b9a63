/** What an export holds, and how files get in and out of it. */
import { readdirSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { MachineError } from '../contracts/errors.js'
import type { HostRecordV3, LedgerRecord } from '../contracts/record.js'
import { RECORD_FILES } from '../store/layout.js'
import { parseHostRecord, parseLedger } from '../store/schema.js'

const file = v.object({ name: v.string(), data: v.string() })
const archive = v.object({
  /** Root of the store that it comes from: paths below it become paths below ours. */
  root: v.string(),
  /** Its id, which the tags of its machines name. */
  storeId: v.string(),
  certs: v.array(file),
  machines: v.array(
    v.object({
      name: v.string(),
      ledger: v.string(),
      config: v.string(),
      files: v.array(file),
      /** By the driver's config key; only with `--with-secrets`. */
      secrets: v.record(v.string(), v.string()),
    }),
  ),
})

export type PackedFile = v.InferOutput<typeof file>
export type Archive = v.InferOutput<typeof archive>
export type PackedMachine = Archive['machines'][number]

/**
 * What each computer makes for itself. Some of it says what programs run: `ssh_config` is read by the user's own ssh, and
 * may name commands.
 */
const MADE_HERE: readonly string[] = [
  ...RECORD_FILES,
  'ssh_config',
  'ssh.conf',
  'known_hosts',
  'engine-tunnel.json',
  'engine-tunnel.run.json',
]

function isMadeHere(name: string): boolean {
  return MADE_HERE.includes(name) || /^ssh\+.*\.conf$/.test(name) || name.startsWith('.')
}

/** Keys, certificates and settings are small; what is larger is a disk or a log. */
const LARGEST_FILE = 1024 * 1024

/** Files of a directory that belong into an export, and those that are too large. */
export async function packDirectory(
  dir: string,
): Promise<{ readonly files: readonly PackedFile[]; readonly large: readonly string[] }> {
  const names = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !isMadeHere(entry.name))
    .map((entry) => entry.name)
  const large = names.filter((name) => statSync(join(dir, name)).size > LARGEST_FILE)
  const small = names.filter((name) => !large.includes(name))
  const files = await Promise.all(
    small.map(async (name) => ({ name, data: (await readFile(join(dir, name))).toString('base64') })),
  )
  return { files, large }
}

/** Contents by name. Older exports hold what is made here, too. */
export function unpackFiles(files: readonly PackedFile[]): Readonly<Record<string, Buffer>> {
  const wanted = files.filter(({ name }) => !isMadeHere(name))
  return Object.fromEntries(wanted.map(({ name, data }) => [name, Buffer.from(data, 'base64')]))
}

/** A decrypted document as an archive. @throws MachineError `store` for anything that could not have been written by us */
export function readArchive(document: unknown): Archive {
  const parsed = v.safeParse(archive, document)
  if (!parsed.success) throw unusable(v.flatten(parsed.issues).root?.[0] ?? 'it lacks parts')
  const { certs, machines } = parsed.output
  for (const files of [certs, ...machines.map((machine) => machine.files)]) {
    const bad = files.find(({ name }) => !isFileName(name))
    if (bad) throw unusable(`"${bad.name}" would leave its directory`)
    if (new Set(files.map(({ name }) => name)).size < files.length) throw unusable('it holds a file twice')
  }
  return parsed.output
}

function isFileName(name: string): boolean {
  return /^[^/\\\0:]{1,255}$/.test(name) && name !== '.' && name !== '..' && !RECORD_FILES.includes(name)
}

/** The record of a packed machine. @throws MachineError `store` */
export function packedRecord(
  { name, ledger, config }: PackedMachine,
  root: string,
): { readonly ledger: LedgerRecord; readonly config: HostRecordV3 } {
  const place = { name, root, dir: join(root, 'machines', name) }
  const [readLedger, readConfig] = [parseLedger(ledger), parseHostRecord(config, place)]
  if ('fault' in readLedger) throw unusable(`the record of ${name} ${readLedger.fault}`)
  if ('fault' in readConfig) throw unusable(`the record of ${name} ${readConfig.fault}`)
  return { ledger: readLedger.value, config: readConfig.value }
}

/** A record as text. */
export function packRecord(record: LedgerRecord | HostRecordV3): string {
  return JSON.stringify(record)
}

function unusable(why: string): MachineError {
  return new MachineError('store', `The export cannot be used: ${why}`)
}
