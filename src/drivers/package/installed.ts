/** What is installed: `<data>/drivers/drivers.json`, and a folder for each package beside it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MachineError } from '../../contracts/errors.js'
import { writeFileAtomic } from '../../util/atomic-file.js'
import { errnoOf, fileError } from '../../util/file-error.js'
import { dataPath } from '../../util/paths.js'
import type { PackageDescription } from './check.js'

type Environment = Readonly<Record<string, string | undefined>>

/** A driver package that `driver install` has installed. */
export interface InstalledDriver {
  /** What `--driver` is given. */
  readonly name: string
  readonly packageName: string
  readonly version: string
  /** npm's hash of what was installed. */
  readonly integrity: string
  /** Of the driver contract. */
  readonly contract: string
  readonly installedAt: string
  /** Its folder below `packages/`, which it has alone. */
  readonly folder: string
  readonly description: PackageDescription
}

/** Whether `--driver WORD` means a package or a file rather than a name. */
export function isDriverPath(word: string): boolean {
  return word.startsWith('.') || word.includes('/') || (process.platform === 'win32' && word.includes('\\'))
}

/** The same, and where its package is. */
export interface LocatedDriver extends InstalledDriver {
  readonly path: string
}

const SCHEMA = 1

/** Folder of all that is installed. */
export function driversDir(env: Environment): string {
  return join(dataPath(env), 'drivers')
}

/** Folder that one install has for itself. */
export function installDir(env: Environment, folder: string): string {
  return join(driversDir(env), 'packages', folder)
}

function listFile(env: Environment): string {
  return join(driversDir(env), 'drivers.json')
}

/** All that is installed, by name. @throws MachineError `store` when the list cannot be read */
export function installedDrivers(env: Environment): readonly LocatedDriver[] {
  return readList(listFile(env)).map((driver) => ({
    ...driver,
    path: join(installDir(env, driver.folder), 'node_modules', driver.packageName),
  }))
}

/** The driver of this name, if it is installed. @throws MachineError `store` when the list cannot be read */
export function installedDriver(name: string, env: Environment): LocatedDriver | undefined {
  return installedDrivers(env).find((driver) => driver.name === name)
}

/** Replaces the list, as a whole. */
export async function writeInstalled(env: Environment, drivers: readonly InstalledDriver[]): Promise<void> {
  const sorted = drivers
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, packageName, version, integrity, contract, installedAt, folder, description }) => {
      return { name, packageName, version, integrity, contract, installedAt, folder, description }
    })
  const document = { schema: SCHEMA, drivers: sorted }
  await writeFileAtomic(listFile(env), `${JSON.stringify(document, undefined, 2)}\n`)
}

function readList(file: string): readonly InstalledDriver[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw fileError('read', file, error)
  }
  const list = parsed(text)
  if (list) return list
  throw new MachineError('store', `${file} is not a list of drivers that this version can read`, {
    hints: [`Move it away and install the drivers again: mv '${file}' '${file}.old'`],
  })
}

function parsed(text: string): readonly InstalledDriver[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value) || value['schema'] !== SCHEMA || !Array.isArray(value['drivers'])) return undefined
    const drivers: readonly unknown[] = value['drivers']
    return drivers.every(isInstalled) ? drivers : undefined
  } catch {
    return undefined
  }
}

const TEXTS = ['name', 'packageName', 'version', 'integrity', 'contract', 'installedAt', 'folder']

function isInstalled(value: unknown): value is InstalledDriver {
  if (!isObject(value) || !TEXTS.every((field) => typeof value[field] === 'string')) return false
  const { description } = value
  return isObject(description) && Array.isArray(description['flags']) && Array.isArray(description['has'])
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
