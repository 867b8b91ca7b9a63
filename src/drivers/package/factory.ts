import { existsSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { isSea } from 'node:sea'
import type { Driver, DriverDeps, DriverFactory, JsonObject } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { findProgram } from '../../util/exec.js'
import { packageRoot } from '../../util/paths.js'
import { variablesOf } from '../common/flags.js'
import { type ChildDriver, describeInProcess, factoryFromProcess } from '../process/adapter.js'
import { type PackageDescription, requireSound } from './check.js'
import { childEnvironment, onlyThese } from './child-environment.js'
import { packageEntry } from './entry.js'
import { installedDriver, isDriverPath, type LocatedDriver } from './installed.js'
import { DEFAULT_USER, standardEndpoint } from './kit/endpoint.js'
import { standardRecord } from './kit/record.js'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The driver of an installed package, or of the one at a path. Its process is started when it is needed: an installed
 * one has said what it is when it was installed. Undefined when no such driver is installed.
 * @throws MachineError `driver` when what is there cannot be used
 */
export function packageFactory(nameOrPath: string, env: Environment): Promise<DriverFactory | undefined> {
  return Promise.resolve().then(() =>
    isDriverPath(nameOrPath) ? factoryAt(nameOrPath, env) : installedFactory(nameOrPath, env),
  )
}

function installedFactory(name: string, env: Environment): DriverFactory | undefined {
  const installed = installedDriver(name, env)
  if (installed === undefined) return undefined
  if (!existsSync(installed.path)) throw gone(installed.path, installed)
  const { file } = packageEntry(installed.path)
  return packagedFactory(childOf(name, file, env), installed.description)
}

/** Records name it by its absolute path, so that it is found again from anywhere. */
function factoryAt(path: string, env: Environment): DriverFactory {
  const absolute = resolve(path)
  if (!existsSync(absolute)) throw gone(absolute)
  const child = childOf(path, packageEntry(absolute).file, env)
  const factory = packagedFactory(child, describePackage(child, path))
  return { ...factory, name: realpathSync(absolute), recordedAs: factory.name }
}

/** As for any driver that is not here: its machines are listed, and it may come again. */
function gone(path: string, installed?: LocatedDriver): MachineError {
  return new MachineError('usage', `There is no driver at ${path}`, {
    hints: installed ? [`tsmachine driver install ${installed.packageName}@${installed.version}`] : [],
  })
}

/** What the package at `path` says of itself, from its own process. @throws MachineError `driver` */
export function describeAt(path: string, env: Environment): PackageDescription {
  return describePackage(childOf(path, packageEntry(path).file, env), path)
}

function describePackage(child: ChildDriver, where: string): PackageDescription {
  // Our host program answers, which knows more than the protocol of any driver in a process.
  return requireSound(describeInProcess(child) as PackageDescription, where)
}

function packagedFactory(child: ChildDriver, description: PackageDescription): DriverFactory {
  const factory = factoryFromProcess(child, description)
  const own = factory.flags.flatMap(variablesOf)
  // One process for all machines of a run.
  const opened = new WeakMap<DriverDeps, Promise<Driver>>()
  const open = async (deps: DriverDeps): Promise<Driver> => {
    const driver = await factory.open(deps)
    if (!description.hasStandardEndpoint) return driver
    return { ...driver, endpoint: (machine) => standardEndpoint(machine, userOf) }
  }
  const userOf = (config: JsonObject): string => factory.seedUser?.(config) ?? DEFAULT_USER
  return {
    ...factory,
    // Ours: a record is written and read without the driver's process.
    record: standardRecord(factory.flags),
    // A package writes no record without a ledger of ours: one without is that of a Go plugin of the same name.
    isOfPlugin: () => true,
    ...(factory.hasCredentials
      ? { hasCredentials: (values, env) => factory.hasCredentials?.(values, onlyThese(env, own)) === true }
      : {}),
    open: (deps) => {
      const known = opened.get(deps) ?? open(deps)
      opened.set(deps, known)
      return known
    },
  }
}

function childOf(name: string, file: string, env: Environment): ChildDriver {
  const host = resolve(packageRoot(), 'dist', 'driver', 'host.js')
  return { name, program: nodeProgram(env), args: [host, file], env: childEnvironment(env) }
}

/** @throws MachineError `preflight` where the single executable finds no Node */
function nodeProgram(env: Environment): string {
  if (!isSea()) return process.execPath
  const node = findProgram('node', env)
  if (node !== undefined) return node
  throw new MachineError('preflight', 'Driver packages run in Node, and there is no node on PATH', {
    hints: ['Install Node 20.19 or later: https://nodejs.org/'],
  })
}
