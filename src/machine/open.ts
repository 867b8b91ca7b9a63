import type { Driver, DriverFactory, DriverMachine } from '../contracts/driver.js'
import { isMachineError, MachineError } from '../contracts/errors.js'
import type { LedgerRecord, MachineRecord } from '../contracts/record.js'
import { servedDriver } from '../drivers/registry.js'
import { currentLedger, newHostRecord } from '../store/records.js'
import type { MachineContext } from './context.js'
import { type EnginePort, throughTunnel } from './engine-port.js'
import { NO_SECRETS, recordedSecrets, type SecretValues, withSecrets } from './secrets.js'

/** A recorded machine together with the driver that looks after it. */
export interface OpenMachine {
  readonly name: string
  readonly record: MachineRecord
  readonly ledger: LedgerRecord
  readonly factory: DriverFactory
  readonly driver: Driver
  /** Where the engine is reached over SSH alone. */
  readonly tunnel?: EnginePort
  readonly machine: DriverMachine
  readonly secrets: SecretValues
}

export interface OpenOptions {
  /** False for those who ask no provider: they work when a secret cannot be had. `record-first` for those who remove. */
  readonly secrets: boolean | 'record-first'
}

const WITH_SECRETS: OpenOptions = { secrets: true }

/** Opens a recorded machine. @throws MachineError `not-found` or `store` */
export async function openMachine(ctx: MachineContext, name: string): Promise<OpenMachine> {
  return await openRecord(ctx, ctx.store.get(name))
}

/** As `openMachine`, for those who ask no provider. */
export async function openWithoutSecrets(ctx: MachineContext, name: string): Promise<OpenMachine> {
  return await openRecord(ctx, ctx.store.get(name), { secrets: false })
}

/** The same for a record that has been read already. */
export async function openRecord(
  ctx: MachineContext,
  record: MachineRecord,
  options: OpenOptions = WITH_SECRETS,
): Promise<OpenMachine> {
  const factory = await recordedFactory(ctx, record)
  const ledger = currentLedger(record, factory.record)
  const led = throughTunnel(await factory.open(ctx.driverDeps), ledger)
  const order = options.secrets === 'record-first' ? 'record-first' : 'variables-first'
  const secrets = options.secrets
    ? await recordedSecrets(ctx, factory, ledger, record.config.Driver, order)
    : NO_SECRETS
  const machine = await driverMachine(ctx, record, { ledger, secrets })
  return { name: record.name, record, ledger, factory, ...led, machine, secrets }
}

/** Name that the driver of a record is loaded by. Where the ledger's says more than docker-machine's, it counts. */
export function recordedDriver({ config, ledger }: MachineRecord): string {
  const { DriverName } = config
  const name = ledger?.driver.name ?? ''
  return /[:/\\]/.test(name) ? name : (servedDriver(DriverName) ?? DriverName)
}

/** The driver of a record, or a plugin of its name where the record is that; where it is not here, one that stands in. */
export async function recordedFactory(
  ctx: Pick<MachineContext, 'drivers'>,
  record: MachineRecord,
): Promise<DriverFactory> {
  const { DriverName, Driver: fields, HostOptions } = record.config
  const factory = await ctx.drivers.load(recordedDriver(record), 'recorded').catch(absent)
  const isOurs = record.ledger !== undefined && !record.ledger.driver.unread
  // What we recorded ourselves is in our ledger alone: a plugin of the same name knows nothing of it.
  if (factory && (isOurs ? !factory.record.unread : !factory.isOfPlugin?.(fields))) return factory
  const plugin = isOurs ? undefined : await pluginOf(ctx, DriverName)
  if (plugin) return plugin
  const { absentFactory } = await import('../drivers/absent/index.js')
  return absentFactory({
    driver: DriverName,
    wanted: recordedDriver(record),
    isOurs,
    fields,
    sans: HostOptions.AuthOptions.ServerCertSANs ?? [],
  })
}

async function pluginOf(
  ctx: Pick<MachineContext, 'drivers'>,
  name: string,
): Promise<DriverFactory | undefined> {
  return await ctx.drivers.load(`plugin:${name}`, 'recorded').catch(absent)
}

/** `DriverName` in docker-machine's record. */
export function recordedAs({ name, recordedAs = name }: DriverFactory): string {
  return recordedAs
}

/** Only a name that no driver has; one that cannot be loaded is an error. */
function absent(error: unknown): undefined {
  if (!isMachineError(error) || error.code !== 'usage') throw error
}

/**
 * As `openMachine`, also when only `config.json` cannot be read: the ledger names everything that was made, but for a
 * driver that keeps its state there.
 * @throws MachineError as `openMachine` when the ledger is no help
 */
export async function openRemains(
  ctx: MachineContext,
  name: string,
  how: OpenOptions = WITH_SECRETS,
): Promise<OpenMachine> {
  const record = ctx.store.read(name)
  if (!('error' in record)) return await openRecord(ctx, record, how)
  if (!record.ledger) return await openMachine(ctx, name)
  const { driver, resources, options } = record.ledger
  if (driver.unread) return await openMachine(ctx, name)
  const factory = await ctx.drivers.load(driver.name, 'recorded')
  const driverFields = factory.record.toFields(driver.config, resources)
  const first = { name, store: ctx.store.root, driverName: recordedAs(factory), driverFields, options }
  const config = newHostRecord(first)
  return await openRecord(ctx, { name, dir: record.dir, config, ledger: record.ledger }, how)
}

/** A machine as its driver sees it. */
export async function driverMachine(
  ctx: MachineContext,
  record: MachineRecord,
  { ledger, secrets }: Pick<OpenMachine, 'ledger' | 'secrets'>,
): Promise<DriverMachine> {
  return {
    name: record.name,
    id: ledger.machineId,
    // A new machine gives its store a name; verbs that only read leave a store of docker-machine's as it is.
    storeId:
      ledger.storeId ?? (ledger.phase === 'creating' ? await ctx.store.id() : (ctx.store.knownId() ?? '')),
    dir: record.dir,
    config: withSecrets(ledger.driver.config, secrets),
    resources: ledger.resources,
    ...(ledger.driver.unread ? { state: ctx.store.driverState(record) } : {}),
  }
}

/** @throws MachineError `driver` where the driver has no such verb */
export function requireVerb<K extends 'start' | 'stop' | 'kill' | 'restart' | 'suspend' | 'console'>(
  open: OpenMachine,
  verb: K,
): NonNullable<Driver[K]> {
  const method = open.driver[verb]
  if (method) return method.bind(open.driver) as NonNullable<Driver[K]>
  const refusals: Readonly<Partial<Record<string, string>>> = open.factory.powerRefusal ?? {}
  throw new MachineError('driver', refusals[verb] ?? `${open.factory.name} driver does not support ${verb}`, {
    machine: open.name,
    hints: open.factory.capabilities.power
      ? [`Stop it instead: tsmachine stop ${open.name}`]
      : [`Machines of the ${open.factory.name} driver are hosts that you run yourself.`],
  })
}
