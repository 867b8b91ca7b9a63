import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { MachineError, messageOf } from '../contracts/errors.js'
import type { DriverFactory } from '../contracts/driver.js'
import type { LedgerRecord, MachineRecord } from '../contracts/record.js'
import { Secret, type SecretRef } from '../contracts/secrets.js'
import { isDriverPath } from '../drivers/package/installed.js'
import { movedRecord } from '../store/record-paths.js'
import { openDocument, sealDocument } from '../store/sealed-file.js'
import { CA } from '../tls/files.js'
import { type NewFile, refuseExisting, writeNewFile } from '../util/new-file.js'
import type { MachineContext } from './context.js'
import { refuseTaken } from './create-names.js'
import {
  type Archive,
  packDirectory,
  type PackedFile,
  type PackedMachine,
  packedRecord,
  packRecord,
  readArchive,
  unpackFiles,
} from './export-archive.js'
import { refuseForeignEndpoint } from './foreign-endpoint.js'
import { checkMachineName } from './machine-name.js'
import { type OpenMachine, openWithoutSecrets, recordedDriver } from './open.js'
import { keepSecrets, recordedSecrets } from './secrets.js'

/** The passphrase itself, or where it is. */
const VALUE = 'TSMACHINE_EXPORT_PASSPHRASE'
const REFERENCE = 'TSMACHINE_EXPORT_PASSPHRASE_REF'
const SHORTEST = 8

export interface ExportRequest extends NewFile {
  readonly names: readonly string[]
  /** All machines: those that cannot move or be read are left out with a warning. */
  readonly all: boolean
  readonly withSecrets: boolean
}

/** Writes machines into one encrypted file. Returns the names of those that are in it. */
export async function exportMachines(
  ctx: MachineContext,
  request: ExportRequest,
): Promise<readonly string[]> {
  refuseExisting(request)
  const opened = await Promise.all(request.names.map((name) => openToMove(ctx, name, request.all)))
  const machines = opened.flat().filter((open) => canMove(ctx, open, request.all))
  if (machines.length === 0) throw new MachineError('not-found', 'There is no machine that could be exported')
  const packed: PackedMachine[] = []
  for (const open of machines) packed.push(await packMachine(ctx, open, request.withSecrets))
  const archive: Archive = {
    root: ctx.store.root,
    storeId: await ctx.store.id(),
    certs: [...(await packCerts(ctx))],
    machines: packed,
  }
  const passphrase = await askTwice(ctx)
  const sealed = await sealDocument(archive, passphrase)
  await writeNewFile(request, sealed)
  return machines.map(({ name }) => name)
}

/** One record that cannot be read keeps no other machine from being exported. */
async function openToMove(ctx: MachineContext, name: string, all: boolean): Promise<readonly OpenMachine[]> {
  try {
    return [await openWithoutSecrets(ctx, name)]
  } catch (error) {
    if (!all) throw error
    ctx.report({ type: 'warn', machine: name, text: `"${name}" is not in the export: ${messageOf(error)}` })
    return []
  }
}

/** A VM on this computer is its disk, and that stays here. */
function canMove(ctx: MachineContext, { name, factory }: OpenMachine, all: boolean): boolean {
  const { localState, power } = factory.capabilities
  if (!localState || !power) return true
  const text = `"${name}" runs on this computer (${factory.name}): its disk is here, so it cannot be exported`
  if (!all) throw new MachineError('usage', text, { machine: name })
  ctx.report({ type: 'warn', machine: name, text })
  return false
}

/** No export of ours has one; another's would say which program runs as QEMU, and on which disks. */
function refuseLocal(name: string, { name: driver, capabilities }: DriverFactory): void {
  if (!capabilities.localState || !capabilities.power) return
  const text = `"${name}" runs on the computer that it was made on (${driver}): it cannot be imported`
  throw new MachineError('store', text, { machine: name })
}

/** Which file of this computer is run is not for a file from elsewhere to say. */
function refuseDriverFile(
  { name }: PackedMachine,
  { ledger, config }: ReturnType<typeof packedRecord>,
): void {
  const path = [ledger.driver.name, config.DriverName].find(isDriverPath)
  if (path === undefined) return
  const text = `"${name}" would run a file of this computer as its driver: ${path}`
  throw new MachineError('store', text, {
    machine: name,
    hints: ['Only machines of drivers that have a name are imported: tsmachine driver install PACKAGE'],
  })
}

/**
 * The manager of a swarm gets a certificate by which its host is let into every engine of this CA: only for who has that
 * CA already.
 */
function refuseForeignManager(
  { store }: MachineContext,
  { name }: PackedMachine,
  { ledger, config }: ReturnType<typeof packedRecord>,
  certs: Archive['certs'],
): void {
  const isManager =
    ledger.options.swarm?.master === true || config.HostOptions.SwarmOptions['Master'] === true
  if (!isManager) return
  const theirs = certs.find((file) => file.name === CA.key)
  const own = join(store.certsDir, CA.key)
  const isTaken = listed(store.certsDir).length === 0
  const isSame = existsSync(own) && readFileSync(own).equals(Buffer.from(theirs?.data ?? '', 'base64'))
  if (theirs && (isTaken || isSame)) return
  const text = `"${name}" is the manager of a swarm: with a certificate of this store's CA its host would get into every engine here`
  throw new MachineError('store', text, {
    machine: name,
    hints: ['Import it into a store of its own, which takes the CA of the export: --storage-path DIR'],
  })
}

/**
 * References to variables and to secrets that a store keeps for machines. Any other would run a command here, or read a file or
 * password of this computer: a file from elsewhere does not decide which, as its record may also say who is sent it.
 */
function takenOver(
  ctx: MachineContext,
  { name, secrets }: PackedMachine,
  references: LedgerRecord['secrets'],
): LedgerRecord['secrets'] {
  const entries = Object.entries(references ?? {})
  for (const [key, reference] of entries.filter((entry) => !isHarmless(entry))) {
    if (Object.hasOwn(secrets, key)) continue
    const text = `The ${key} of "${name}" came from ${reference}, which is not taken over. Keep it here with "${ctx.profile.program} secret set", or set its variable`
    ctx.report({ type: 'warn', machine: name, text })
  }
  return Object.fromEntries(entries.filter(isHarmless))
}

function isHarmless([, reference]: readonly [string, SecretRef]): boolean {
  return /^(?:env|store):/.test(reference)
}

async function packMachine(
  ctx: MachineContext,
  open: OpenMachine,
  withSecrets: boolean,
): Promise<PackedMachine> {
  const { name, record, ledger, factory } = open
  const { files, large } = await packDirectory(record.dir)
  if (large.length > 0)
    ctx.report({ type: 'warn', machine: name, text: `Not in the export (over 1 MB): ${large.join(', ')}` })
  const secrets = withSecrets ? await recordedSecrets(ctx, factory, ledger, record.config.Driver) : {}
  return {
    name,
    ledger: packRecord(ledger),
    config: packRecord(record.config),
    files: [...files],
    secrets: Object.fromEntries(Object.entries(secrets).map(([key, secret]) => [key, secret.reveal()])),
  }
}

async function packCerts({ store }: MachineContext): Promise<readonly PackedFile[]> {
  return (await packDirectory(store.certsDir).catch(() => ({ files: [] }))).files
}

/**
 * Reads machines from an exported file, all of them or none. An import that was killed carries on when it is typed again.
 * Secrets may be sent to these `endpoints` (URLs) beside the providers' own. Returns the machines' names.
 */
export async function importMachines(
  ctx: MachineContext,
  file: string,
  endpoints: readonly string[] = [],
): Promise<readonly string[]> {
  const sealed = await readFile(resolve(file)).catch((cause: unknown) => {
    throw new MachineError('not-found', `Cannot read ${file}`, { cause })
  })
  const passphrase = (await givenPassphrase(ctx)) ?? (await ask(ctx, 'Passphrase of the export: '))
  const archive = readArchive(await openDocument(sealed, passphrase))
  const names = archive.machines.map(({ name }) => name)
  for (const name of names) checkMachineName(name)
  const ids = archive.machines.map((machine) => packedRecord(machine, archive.root).ledger.machineId)
  const begun = importedBefore(ctx, ids)
  for (const name of names.filter((each) => !begun.has(each))) refuseTaken(ctx, name)
  if (new Set(names).size < names.length) throw new MachineError('store', 'The export names a machine twice')
  const missing = archive.machines.filter(({ name }) => !begun.has(name))
  const arrivals: Arrival[] = []
  for (const machine of missing) arrivals.push(await arrivalOf(ctx, machine, archive, endpoints))
  await importCerts(ctx, archive)
  await ctx.store.noteImport(ids)
  await importAll(ctx, arrivals)
  await ctx.store.noteImport([])
  return names
}

/** Machines that an import of the same ones had brought in when it was killed. */
function importedBefore({ store }: MachineContext, ids: readonly string[]): ReadonlySet<string> {
  const noted = new Set(store.notedImport())
  const here = store.readAll().filter(({ ledger }) => {
    const id = ledger?.machineId
    return id !== undefined && noted.has(id) && ids.includes(id)
  })
  return new Set(here.map(({ name }) => name))
}

/** A machine of an export as it will be recorded here. */
interface Arrival {
  readonly machine: PackedMachine
  readonly factory: DriverFactory
  readonly ledger: LedgerRecord
  readonly config: MachineRecord['config']
}

/** Nothing is changed here yet. @throws MachineError where this computer does not want the machine */
async function arrivalOf(
  ctx: MachineContext,
  machine: PackedMachine,
  { root: from, storeId, certs }: Archive,
  endpoints: readonly string[],
): Promise<Arrival> {
  const { name } = machine
  const packed = packedRecord(machine, from)
  refuseDriverFile(machine, packed)
  refuseForeignManager(ctx, machine, packed, certs)
  const place = { name, dir: ctx.store.dir(name), ...packed }
  const { config, ledger: moved = packed.ledger } = movedRecord(place, from, ctx.store.root)
  const factory = await ctx.drivers.load(recordedDriver({ ...place, config, ledger: moved }), 'recorded')
  const ledger = { ...moved, storeId: moved.storeId ?? storeId }
  refuseLocal(name, factory)
  refuseForeignEndpoint(ctx, { name, ledger, factory }, endpoints)
  return { machine, factory, ledger, config }
}

async function importAll(ctx: MachineContext, arrivals: readonly Arrival[]): Promise<void> {
  const done: string[] = []
  try {
    for (const arrival of arrivals) {
      await importMachine(ctx, arrival)
      done.push(arrival.machine.name)
    }
  } catch (error) {
    for (const name of done) await ctx.store.remove(name)
    throw error
  }
}

async function importMachine(ctx: MachineContext, arrival: Arrival): Promise<void> {
  const { machine, factory, ledger, config } = arrival
  const values = Object.fromEntries(
    Object.entries(machine.secrets).map(([key, text]) => [key, new Secret(text)]),
  )
  const kept = await keepSecrets(ctx, factory, { values, references: {} })
  const { dockerContext: _context, ...moved } = ledger
  const secrets = { ...takenOver(ctx, machine, moved.secrets), ...kept.references }
  await ctx.store.create(machine.name, { ledger: { ...moved, secrets }, config }, unpackFiles(machine.files))
}

/** A store that has a CA keeps it; imported machines then get new certificates at their next start. */
async function importCerts({ store, signal, report }: MachineContext, { certs }: Archive): Promise<void> {
  if (certs.length === 0) return
  const lock = await store.lockCa({ signal })
  try {
    if (listed(store.certsDir).length > 0) return
    report({
      type: 'warn',
      text: 'This store had no CA and takes the one of the export: whoever has that file gets into engines made here',
    })
    await store.bringCerts(unpackFiles(certs))
  } finally {
    await lock.release()
  }
}

function listed(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

async function askTwice(ctx: MachineContext): Promise<Secret> {
  const given = await givenPassphrase(ctx)
  if (given) return longEnough(given)
  const first = longEnough(await ask(ctx, 'Passphrase for the export: '))
  const second = await ask(ctx, 'The same again: ')
  if (first.reveal() === second.reveal()) return first
  throw new MachineError('usage', 'The passphrases differ: nothing was written')
}

function longEnough(passphrase: Secret): Secret {
  if (passphrase.reveal().length >= SHORTEST) return passphrase
  throw new MachineError(
    'usage',
    `A passphrase has at least ${SHORTEST} characters: the file holds private keys`,
  )
}

async function ask(ctx: MachineContext, question: string): Promise<Secret> {
  const answer = await ctx.askSecret(question)
  if (answer) return answer
  throw new MachineError('usage', 'There is no terminal to ask for the passphrase on', {
    hints: [`Give it as ${VALUE}, or say where it is: ${REFERENCE}=file:PATH`],
  })
}

async function givenPassphrase({ env, store, signal }: MachineContext): Promise<Secret | undefined> {
  const reference = env[VALUE] ? `env:${VALUE}` : env[REFERENCE]
  return reference ? await store.secrets.resolve(reference as SecretRef, signal) : undefined
}
