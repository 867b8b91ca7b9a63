import type { DriverFactory, FlagSpec, FlagValues, JsonObject, ParsedConfig } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { nearest } from '../../util/nearest.js'
import { ConfigReader } from './config-reader.js'
import { fromText, typeFault } from './flag-types.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Values by flag name, and what was wrong with those that came from the environment. */
export interface CollectedValues {
  readonly values: FlagValues
  readonly faults: readonly string[]
}

/**
 * Merges what the command line gave (by flag name) with the environment and the defaults, in this order of strength.
 * An empty variable counts as unset. A list in a variable is separated by commas, and the command line adds to it.
 */
export function collectFlagValues(
  flags: readonly FlagSpec[],
  given: FlagValues,
  env: Environment,
): CollectedValues {
  const faults: string[] = []
  const values: Record<string, FlagValues[string]> = { ...given }
  for (const flag of flags) {
    const own = given[flag.name]
    if (own !== undefined && !Array.isArray(own)) continue
    const variable = variablesOf(flag).find((name) => env[name])
    if (variable === undefined) values[flag.name] = own ?? flag.default
    else {
      const read = fromText(flag, env[variable] ?? '')
      if ('fault' in read) faults.push(`${variable}: ${read.fault} (it stands for --${flag.name})`)
      values[flag.name] = 'fault' in read ? flag.default : appended(read.value, own)
    }
  }
  return { values, faults }
}

/** The variables that stand for a flag, the strongest first. */
export function variablesOf({ env, moreEnv = [] }: FlagSpec): readonly string[] {
  return env === undefined ? moreEnv : [env, ...moreEnv]
}

function appended(value: FlagValues[string], own: FlagValues[string]): FlagValues[string] {
  return Array.isArray(value) && Array.isArray(own) ? [...(value as string[]), ...(own as string[])] : value
}

/**
 * The part of `DriverFactory.parse` that all drivers share: unknown names, types and allowed options. `check` then
 * reads values by config key, reports faults of its own and returns the config; all faults come out together.
 */
export function parseWith(
  flags: readonly FlagSpec[],
  values: FlagValues,
  check: (read: ConfigReader, fault: (text: string) => void) => JsonObject = (read) => read.all(),
): ParsedConfig {
  const faults = unknownNames(flags, values)
  const typed: Record<string, JsonObject[string]> = {}
  for (const flag of flags) {
    const value = values[flag.name]
    if (value === undefined) continue
    const fault = typeFault(flag, value)
    if (fault === undefined) typed[flag.key] = value
    else faults.push(fault)
  }
  const config = check(new ConfigReader(typed), (text) => faults.push(text))
  return faults.length > 0 ? { ok: false, faults } : { ok: true, config }
}

function unknownNames(flags: readonly FlagSpec[], values: FlagValues): string[] {
  const names = flags.map((flag) => flag.name)
  return Object.keys(values)
    .filter((name) => values[name] !== undefined && !names.includes(name))
    .map((name) => `unknown flag --${name}${meant(name, names)}`)
}

function meant(name: string, names: readonly string[]): string {
  const near = nearest(name, names)
  return near === undefined ? '' : `; did you mean --${near}?`
}

/**
 * A driver's config from command line and environment.
 * @throws MachineError `usage` that names every fault at once, in docker-machine's frame
 */
export function configFromFlags(
  factory: Pick<DriverFactory, 'name' | 'flags' | 'parse'>,
  given: FlagValues,
  env: Environment,
): JsonObject {
  const collected = collectFlagValues(factory.flags, given, env)
  const parsed = factory.parse(collected.values)
  const faults = [...collected.faults, ...(parsed.ok ? [] : parsed.faults)]
  if (parsed.ok && faults.length === 0) return parsed.config
  throw new MachineError(
    'usage',
    `Error setting machine configuration from flags provided: ${faults.join('; ')}`,
    {
      hints: [`Flags of this driver: tsmachine create --driver ${factory.name} --help`],
    },
  )
}
