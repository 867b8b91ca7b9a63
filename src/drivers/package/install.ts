/** Installs and removes driver packages; the list of them changes in one moment, and only when all fits. */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MachineError } from '../../contracts/errors.js'
import { makePrivateDir, moveOver, syncDirectory } from '../../util/atomic-file.js'
import { syncTree } from '../../util/durable.js'
import { acquireLock } from '../../util/locks.js'
import { type PackageDescription, unusable } from './check.js'
import { describeAt } from './factory.js'
import {
  driversDir,
  installDir,
  type InstalledDriver,
  installedDrivers,
  writeInstalled,
} from './installed.js'
import { npmInstall, type NpmOptions } from './npm.js'
import { driverNameOf, type PackageSpec, packageSpec, specText } from './spec.js'

export interface InstallOptions extends NpmOptions {
  /** Names that packages cannot have. */
  readonly builtIn: readonly string[]
  readonly now: () => Date
  /** What a package in a folder says of itself; it is asked in a process of its own when absent. */
  readonly describe?: typeof describeAt
}

/** An install, and what it replaced. */
export interface Installation {
  readonly driver: InstalledDriver
  readonly previous?: InstalledDriver
}

const NEW = '.new-'

/**
 * What the word of a user names, refused before anything is fetched where its name alone says enough.
 * @throws MachineError `usage`, `exists`
 */
export function wantedPackage(word: string, options: Pick<InstallOptions, 'env' | 'builtIn'>): PackageSpec {
  const spec = packageSpec(word)
  if (spec.kind === 'registry') requireFree(driverNameOf(spec.name), spec.name, options)
  return spec
}

/**
 * Installs a package by the user's npm into a folder beside the others, looks whether it is a driver for this program,
 * and only then makes it known. What fails leaves nothing.
 * @throws MachineError `usage`, `preflight`, `plugin` or `driver`
 */
export async function installPackage(spec: PackageSpec, options: InstallOptions): Promise<Installation> {
  return await alone(options, `driver install ${specText(spec)}`, async () => {
    const folder = randomBytes(6).toString('hex')
    const trial = installDir(options.env, NEW + folder)
    await makePrivateDir(dirname(trial))
    try {
      const fetched = await npmInstall(trial, spec, options)
      const name = driverNameOf(fetched.packageName)
      const previous = requireFree(name, fetched.packageName, options)
      const path = join(trial, 'node_modules', fetched.packageName)
      const description = describeNamed(path, fetched.packageName, options)
      requireName(description.name, name, fetched.packageName)
      await syncTree(trial)
      await moveOver(trial, installDir(options.env, folder))
      await syncDirectory(dirname(trial))
      const installedAt = options.now().toISOString()
      const driver = { name, ...fetched, contract: description.contract, installedAt, folder, description }
      await replaceInList(options, name, driver)
      return { driver, ...(previous ? { previous } : {}) }
    } finally {
      await rm(trial, { recursive: true, force: true })
    }
  })
}

/** What it says of itself. The folder on trial is gone when an error is read, which therefore has the package's name. */
function describeNamed(
  path: string,
  packageName: string,
  { env, describe = describeAt }: Pick<InstallOptions, 'env' | 'describe'>,
): PackageDescription {
  try {
    return describe(path, env)
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    const { code, message, hints, evidence, exitCode } = error
    const named = (text: string): string => text.replaceAll(path, packageName)
    throw new MachineError(code, named(message), {
      hints: hints.map(named),
      exitCode,
      ...(evidence === undefined ? {} : { evidence: named(evidence) }),
    })
  }
}

/** Removes a package. @throws MachineError `not-found` */
export async function removePackage(
  name: string,
  options: Pick<InstallOptions, 'env' | 'signal'>,
): Promise<InstalledDriver> {
  return await alone(options, `driver rm ${name}`, async () => {
    const driver = installedDrivers(options.env).find((each) => each.name === name)
    if (driver === undefined)
      throw new MachineError('not-found', `No driver package "${name}" is installed`, {
        hints: ['See what is: tsmachine driver ls'],
      })
    await replaceInList(options, name)
    return driver
  })
}

async function replaceInList(
  { env }: Pick<InstallOptions, 'env'>,
  name: string,
  driver?: InstalledDriver,
): Promise<void> {
  const others = installedDrivers(env).filter((each) => each.name !== name)
  await writeInstalled(env, driver ? [...others, driver] : others)
  await sweep(env)
}

function requireFree(
  name: string,
  packageName: string,
  { env, builtIn }: Pick<InstallOptions, 'env' | 'builtIn'>,
): InstalledDriver | undefined {
  if (builtIn.includes(name))
    throw new MachineError(
      'exists',
      `tsmachine has a driver ${name} of its own: ${packageName} would never be used`,
    )
  const previous = installedDrivers(env).find((each) => each.name === name)
  if (previous === undefined || previous.packageName === packageName) return previous
  throw new MachineError('exists', `The driver ${name} is installed from ${previous.packageName}`, {
    hints: [`Remove that first: tsmachine driver rm ${name}`],
  })
}

function requireName(said: string, name: string, packageName: string): void {
  if (said !== name) throw unusable(packageName, `its driver is called "${said}", its name says "${name}"`)
}

/** One process at a time; what earlier ones left when they were killed is removed. */
async function alone<T>(
  { env, signal }: Pick<InstallOptions, 'env' | 'signal'>,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(join(driversDir(env), 'lock'), { what, signal })
  try {
    await sweep(env)
    return await work()
  } finally {
    await lock.release()
  }
}

async function sweep(env: InstallOptions['env']): Promise<void> {
  const packages = installDir(env, '')
  if (!existsSync(packages)) return
  const used = installedDrivers(env).map(({ folder }) => folder)
  for (const folder of readdirSync(packages))
    if (!used.includes(folder)) await rm(join(packages, folder), { recursive: true, force: true })
}
