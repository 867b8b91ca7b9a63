import { Flags } from '@oclif/core'
import type { DriverFactory, FlagSpec, FlagValues } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import { collectFlagValues, variablesOf } from '../drivers/common/flags.js'
import { allFlags } from '../drivers/flag-tables.js'
import { driverGroup } from './create-help.js'
import { goInteger } from '../util/go-values.js'

const tables = allFlags()

/** Flags of all drivers for `create`, grouped by driver in the help. Types are checked by the driver, all at once. */
export const DRIVER_FLAGS: Readonly<Record<string, DriverFlag>> = Object.fromEntries(
  tables.flatMap(({ driver, flags }) => Object.entries(driverFlags(driver, flags))),
)

export type DriverFlag = ReturnType<typeof oclifFlag>

/** A driver's flags as oclif's. */
export function driverFlags(
  driver: string,
  flags: readonly FlagSpec[],
): Readonly<Record<string, DriverFlag>> {
  return Object.fromEntries(flags.map((flag) => [flag.name, oclifFlag(driver, flag)]))
}

function oclifFlag(driver: string, flag: FlagSpec) {
  const common = { summary: summaryOf(flag), helpGroup: driverGroup(driver) }
  if (flag.type === 'boolean') return Flags.boolean({ ...common, allowNo: flag.negatable ?? false })
  const value = { ...common, helpValue: flag.value ?? flag.type.toUpperCase() }
  if (flag.type === 'list') return Flags.string({ ...value, multiple: true, multipleNonGreedy: true })
  return Flags.string(value)
}

function summaryOf(flag: FlagSpec): string {
  const variables = variablesOf(flag)
  const facts = [
    flag.required ? 'required' : '',
    flag.options ? `one of ${flag.options.join(', ')}` : '',
    variables.length > 0 ? `env: ${variables.join(', ')}` : '',
    isShown(flag.default) ? `default: ${String(flag.default)}` : '',
    flag.type === 'list' ? 'may be repeated' : '',
  ].filter((fact) => fact !== '')
  return facts.length > 0 ? `${flag.summary} [${facts.join('; ')}]` : flag.summary
}

function isShown(value: FlagSpec['default']): boolean {
  return (
    value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0)
  )
}

/**
 * Values for one driver: what the command line gave, then its environment, then its defaults.
 * @throws MachineError `usage` for a flag of another driver, or a bad variable: all faults at once
 */
export function driverValues(
  { name: driver, flags }: DriverFactory,
  given: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): FlagValues {
  const names = new Set(flags.map(({ name }) => name))
  const faults = foreignFlags(driver, names, given)
  const own: Record<string, FlagValues[string]> = {}
  for (const flag of flags) {
    const value = typed(flag, given[flag.name])
    if (value !== undefined) own[flag.name] = value
  }
  const collected = collectFlagValues(flags, own, env)
  faults.push(...collected.faults)
  if (faults.length === 0) return collected.values
  throw new MachineError(
    'usage',
    `Error setting machine configuration from flags provided: ${faults.join('; ')}`,
    { hints: [`tsmachine create --help`] },
  )
}

/** A flag that only another driver has would be dropped in silence otherwise. */
function foreignFlags(
  driver: string,
  own: ReadonlySet<string>,
  given: Readonly<Record<string, unknown>>,
): string[] {
  return tables
    .filter((table) => table.driver !== driver)
    .flatMap((table) => table.flags.map((flag) => ({ owner: table.driver, name: flag.name })))
    .filter(({ name }) => given[name] !== undefined && !own.has(name))
    .map(({ owner, name }) => `--${name} is a flag of the ${owner} driver, not of ${driver}`)
}

/** Whole numbers become numbers; other text stays and the driver complains about it. */
function typed(flag: FlagSpec, value: unknown): FlagValues[string] {
  if (typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.filter((item): item is string => typeof item === 'string')
  if (typeof value !== 'string') return undefined
  return flag.type === 'integer' ? (goInteger(value) ?? value) : value
}
