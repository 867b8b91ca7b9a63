/** What a driver package must be before anything of it is used. */
import { DRIVER_CONTRACT } from '../../contracts/driver-version.js'
import { MachineError } from '../../contracts/errors.js'
import type { FlagSpec } from '../../contracts/driver.js'
import type { Description } from '../process/protocol.js'
import type { DriverPackage, PackagedFactory } from './kit/define.js'

/** What a package says of itself: that of any driver in a process, and what only packages have. */
export type PackageDescription = Description &
  Pick<DriverPackage, 'contract'> &
  Pick<PackagedFactory, 'hasStandardEndpoint'>

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?$/

/** Why a driver for this contract version cannot be used here, or undefined when it can. */
export function contractFault(wanted: unknown, ours: string = DRIVER_CONTRACT): string | undefined {
  const [, major, minor] = VERSION.exec(typeof wanted === 'string' ? wanted : '') ?? []
  const [, ourMajor, ourMinor] = VERSION.exec(ours) ?? []
  if (major === undefined) return `it names no contract version like "${ours}"`
  if (major === ourMajor && Number(minor) <= Number(ourMinor)) return undefined
  const isNewer = Number(major) > Number(ourMajor) || major === ourMajor
  return `it is written for driver contract ${String(wanted)}, this tsmachine has ${ours}: ${
    isNewer ? 'update tsmachine' : 'ask its author for a newer version'
  }`
}

/**
 * The driver in the exports of a driver package. The version is looked at before anything else of it.
 * @throws MachineError `driver` saying what is missing
 */
export function driverOf(exports: Readonly<Record<string, unknown>>, where: string): DriverPackage {
  const driver = exports['driver'] ?? fieldOf(exports['default'], 'driver')
  if (driver === undefined)
    throw unusable(where, 'it has no export "driver"', ['export const driver = defineDriver({ ... })'])
  const contract = fieldOf(driver, 'contract')
  const fault = contractFault(contract)
  if (fault !== undefined) throw unusable(where, fault)
  const factory = fieldOf(driver, 'factory')
  if (!isFactory(factory))
    throw unusable(where, 'its export "driver" was not made by defineDriver', [
      "import { defineDriver } from 'tsmachine/driver'",
    ])
  return { contract: String(contract), factory }
}

/** @throws MachineError `driver` naming every fault of what a package says of itself */
export function requireSound(description: PackageDescription, where: string): PackageDescription {
  const faults = descriptionFaults(description)
  if (faults.length > 0) throw unusable(where, faults.join('; '))
  return description
}

const NAME = /^[a-z][a-z0-9-]{0,40}$/

function descriptionFaults({ name, summary, flags }: Description): readonly string[] {
  const names = flags.map((flag) => flag.name)
  return [
    ...(NAME.test(name) ? [] : [`"${name}" is no name for a driver: lower-case letters, digits and dashes`]),
    ...(summary.trim() === '' ? ['it has no summary'] : []),
    ...flags.flatMap((flag) => flagFaults(name, flag)),
    ...names.filter((each, at) => names.indexOf(each) !== at).map((each) => `it has --${each} twice`),
  ]
}

/** With the driver's name in front no flag is one of another driver, or of every create. */
function flagFaults(driver: string, { name }: FlagSpec): readonly string[] {
  if (name.startsWith(`${driver}-`) && NAME.test(name)) return []
  return [`its flag --${name} does not begin with --${driver}-`]
}

/** The error for a package that cannot be used. */
export function unusable(where: string, why: string, hints: readonly string[] = []): MachineError {
  return new MachineError('driver', `${where} is no driver that can be used: ${why}`, { hints })
}

function isFactory(value: unknown): value is PackagedFactory {
  const functions = ['parse', 'open'] as const
  return (
    functions.every((name) => typeof fieldOf(value, name) === 'function') &&
    Array.isArray(fieldOf(value, 'flags')) &&
    typeof fieldOf(value, 'name') === 'string' &&
    typeof fieldOf(value, 'summary') === 'string' &&
    typeof fieldOf(value, 'capabilities') === 'object'
  )
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
