/**
 * The members of the driver contract as a table of calls by name: what the child offers is exactly this. Arguments
 * come from our own parent process, whose types are the contract's.
 */
import type {
  AccessRules,
  BootImageFiles,
  ConsoleOptions,
  Driver,
  DriverAccount,
  DriverDeps,
  DriverEvent,
  DriverFactory,
  DriverMachine,
  FlagValues,
  FoundResource,
  JsonObject,
  MachineSpec,
  SeedDocuments,
} from '../../contracts/driver.js'
import type { EngineClientFiles, WantedForward } from '../../contracts/forwards.js'
import type { Resource } from '../../contracts/record.js'
import type { Description } from './protocol.js'

type Args = readonly unknown[]
type Previous = Parameters<DriverFactory['record']['fromFields']>[1]

/** Members that answer at once, of the static half. */
export const FACTORY_CALLS: Readonly<Record<string, (factory: DriverFactory, args: Args) => unknown>> = {
  describe,
  parse: (factory, [values]) => factory.parse(values as FlagValues),
  toFields: ({ record }, [config, resources]) =>
    record.toFields(config as JsonObject, resources as Resource[]),
  fromFields: ({ record }, [fields, previous]) =>
    record.fromFields(fields as JsonObject, (previous ?? undefined) as Previous),
  userData: (factory, [config]) => factory.userData?.(config as JsonObject),
  wantsBootImage: (factory, [config]) => factory.wantsBootImage?.(config as JsonObject),
  seedsEngine: (factory, [config]) => factory.seedsEngine?.(config as JsonObject),
  seedUser: (factory, [config]) => factory.seedUser?.(config as JsonObject),
  clientKey: (factory, [config]) => factory.clientKey?.(config as JsonObject),
  inventoryPlace: (factory, [config]) => factory.inventoryPlace?.(config as JsonObject),
  hasCredentials: (factory, [values, env]) =>
    factory.hasCredentials?.(values as FlagValues, env as Record<string, string>),
  ownUserData: (factory, [config]) => factory.ownUserData?.(config as JsonObject),
  adopt: (factory, [account, found]) => factory.adopt?.(account as DriverAccount, found as FoundResource),
  login: (factory, [config]) => factory.login?.(config as JsonObject),
}

const OPTIONAL = [
  'userData',
  'wantsBootImage',
  'seedsEngine',
  'seedUser',
  'clientKey',
  'inventoryPlace',
  'hasCredentials',
  'ownUserData',
  'adopt',
  'login',
  'diagnose',
] as const

/** A driver's static half as data. */
export function describe(factory: DriverFactory): Description {
  const { name, summary, capabilities, flags, powerRefusal, userDataLimit } = factory
  return {
    name,
    summary,
    capabilities,
    flags,
    has: OPTIONAL.filter((member) => factory[member] !== undefined),
    ...(powerRefusal === undefined ? {} : { powerRefusal }),
    ...(userDataLimit === undefined ? {} : { userDataLimit }),
  }
}

/** Members that answer at once, of an open driver. */
export const SYNC_CALLS: Readonly<Record<string, (driver: Driver, args: Args) => unknown>> = {
  endpoint: (driver, [machine]) => driver.endpoint(machine as DriverMachine),
  localState: (driver, [machine]) => driver.localState?.(machine as DriverMachine),
  restsOn: (driver, [machine]) => driver.restsOn?.(machine as DriverMachine),
  patience: (driver, [machine]) => driver.patience?.(machine as DriverMachine),
}

type Unary = (driver: Driver, args: Args, signal: AbortSignal) => Promise<unknown> | undefined

/** Members that answer once. */
export const UNARY_CALLS: Readonly<Record<string, Unary>> = {
  preflight: (driver, [spec], signal) => driver.preflight(spec as MachineSpec, signal),
  firstState: (driver, [spec], signal) => driver.firstState?.(spec as MachineSpec, signal),
  states: (driver, [machines], signal) => driver.states(machines as DriverMachine[], signal),
  glance: (driver, [machine], signal) => driver.glance?.(machine as DriverMachine, signal),
  seal: (driver, [machine, seed]) => driver.seal?.(machine as DriverMachine, seed as SeedDocuments),
  places: (driver, [account], signal) => driver.places?.(account as DriverAccount, signal),
  inventory: (driver, [account], signal) => driver.inventory?.(account as DriverAccount, signal),
  label: (driver, [machine, tags], signal) =>
    driver.label?.(machine as DriverMachine, tags as Record<string, string>, signal),
  forwards: (driver, [machine]) => driver.forwards?.(machine as DriverMachine),
  addForward: (driver, [machine, forward]) =>
    driver.addForward?.(machine as DriverMachine, forward as WantedForward),
  removeForward: (driver, [machine, forward]) =>
    driver.removeForward?.(machine as DriverMachine, forward as WantedForward),
}

type Stream = (
  driver: Driver,
  args: Args,
  signal: AbortSignal,
) => AsyncIterable<DriverEvent | string> | undefined

/** Members that answer with a stream. */
export const STREAM_CALLS: Readonly<Record<string, Stream>> = {
  create: (driver, [spec], signal) => driver.create(spec as MachineSpec, signal),
  start: (driver, [machine, image], signal) =>
    driver.start?.(machine as DriverMachine, (image ?? undefined) as BootImageFiles | undefined, signal),
  stop: (driver, [machine], signal) => driver.stop?.(machine as DriverMachine, signal),
  restart: (driver, [machine], signal) => driver.restart?.(machine as DriverMachine, signal),
  suspend: (driver, [machine], signal) => driver.suspend?.(machine as DriverMachine, signal),
  kill: (driver, [machine], signal) => driver.kill?.(machine as DriverMachine, signal),
  remove: (driver, [machine], signal) => driver.remove(machine as DriverMachine, signal),
  setAccess: (driver, [machine, access], signal) =>
    driver.setAccess?.(machine as DriverMachine, access as AccessRules, signal),
  engineReady: (driver, [machine, client], signal) =>
    driver.engineReady?.(machine as DriverMachine, client as EngineClientFiles, signal),
  console: (driver, [machine, options], signal) =>
    driver.console?.(machine as DriverMachine, { ...(options as ConsoleOptions), signal }),
}

/** Names of the members that an open driver has. */
export function membersOf(driver: Driver): readonly string[] {
  const names = [...Object.keys(SYNC_CALLS), ...Object.keys(UNARY_CALLS), ...Object.keys(STREAM_CALLS)]
  return names.filter((name) => name in driver && driver[name as keyof Driver] !== undefined)
}

/** Deps of a call that must answer at once: nothing can be lent to it. */
export function aloneDeps(clock: DriverDeps['clock'], cacheDir: string): DriverDeps {
  const refuse = (): Promise<never> =>
    Promise.reject(new Error('a call that answers at once can lend nothing'))
  return { clock, cacheDir, runtimeDir: refuse, spawnHelper: refuse, account: noDesk }
}

/** A desk is for built-in drivers: its locks and counts stay in the parent. */
export function noDesk(): never {
  throw new Error('a driver in a process of its own is lent no account desk')
}
