/** The record behind a driver that we serve: the host's `config.json` and our ledger beside it, in the host's store. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { RecordMapping } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import type { LedgerRecord, MachineOptions, MachineRecord } from '../contracts/record.js'
import { embeddedLedger, LEDGER_FIELD, readEmbeddedLedger } from '../store/embedded-ledger.js'
import { formatHostRecord } from '../store/go-json.js'
import { CONFIG } from '../store/layout.js'
import { ledgerFromHostRecord, newHostRecord, projectConfig } from '../store/records.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import type { MachineContext } from './context.js'
import type { GivenFiles } from './given-files.js'

/** Machine options of which nothing was chosen: a host that provisions keeps its own. */
export const NO_OPTIONS: MachineOptions = {
  engine: { opts: [], labels: [], insecureRegistries: [], registryMirrors: [], env: [], registryCas: {} },
  tlsSans: [],
}

/** The driver's state as a host saves it: docker-machine's fields, the driver's own, and the ledger. */
export function servedState(
  { config }: MachineRecord,
  ledger: LedgerRecord,
  mapping: RecordMapping,
): JsonObject {
  return { ...projectConfig(ledger, config, mapping).Driver, [LEDGER_FIELD]: embeddedLedger(ledger) }
}

/**
 * The record of the machine that a host's state is about: from its store, or from the state where the store has none.
 * Undefined where the state is of a machine that was never planned.
 * @throws MachineError `store` when the store has another machine of that name, or its record cannot be read
 */
export function recordOfState(
  ctx: MachineContext,
  fields: JsonObject,
  driverName: string,
): MachineRecord | undefined {
  const name = typeof fields['MachineName'] === 'string' ? fields['MachineName'] : ''
  const embedded = readEmbeddedLedger(fields)
  const hasFile = existsSync(join(ctx.store.dir(name), CONFIG))
  if (!hasFile && !embedded) return undefined
  if (!hasFile) return { name, dir: ctx.store.dir(name), config: blankConfig(ctx, name, fields, driverName) }
  const record = ctx.store.get(name)
  const known = (record.ledger ?? readEmbeddedLedger(record.config.Driver))?.machineId
  if (embedded && known !== undefined && known !== embedded.machineId) throw anotherMachine(name)
  return record.ledger || !embedded ? record : { ...record, config: { ...record.config, Driver: fields } }
}

function anotherMachine(name: string): MachineError {
  const text = `The record of "${name}" in the store is of another machine than the one that was asked for`
  return new MachineError('store', text, { machine: name })
}

function blankConfig(
  ctx: MachineContext,
  name: string,
  fields: JsonObject,
  driverName: string,
): MachineRecord['config'] {
  return newHostRecord({
    name,
    store: ctx.store.root,
    driverName,
    driverFields: fields,
    options: NO_OPTIONS,
  })
}

/**
 * Writes our ledger beside what the host has saved, or both files where it has saved nothing: from then on the record
 * names all that is made. What the host chose for engine and certificates stays as its file says.
 */
export async function writeLedgerBeside(
  ctx: MachineContext,
  record: MachineRecord & { readonly ledger: LedgerRecord },
  mapping: RecordMapping,
  files: GivenFiles = {},
): Promise<void> {
  const { name, dir, config, ledger } = record
  if (!ctx.store.exists(name)) return await ctx.store.create(name, { ledger, config }, files)
  for (const [file, content] of Object.entries(files))
    await writeFileAtomic(join(dir, file), content, { mode: 0o600 })
  if (!existsSync(join(dir, CONFIG)))
    await writeFileAtomic(join(dir, CONFIG), formatHostRecord(config), { mode: 0o600 })
  await ctx.store.update(name, mapping, (_before, saved) => ({
    ...ledger,
    options: { ...ledger.options, ...ledgerFromHostRecord(saved, mapping).options },
  }))
}
