/** Create flags as a host of docker-machine's plugins knows them: four kinds, and a boolean that is false unless given. */
import type { FlagSpec, FlagValues } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import { collectFlagValues } from '../drivers/common/flags.js'
import type { PluginFlag, PluginFlagValue, PluginFlagValues } from '../drivers/plugin/wire/plugin-api.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Our flags for `GetCreateFlags`. A switch that is on by default is offered as the one that turns it off. */
export function servedFlags(flags: readonly FlagSpec[]): readonly PluginFlag[] {
  return flags.map((flag) => ({ ...namePart(flag), ...KINDS[flag.type](flag) }))
}

function namePart(flag: FlagSpec): Pick<PluginFlag, 'name' | 'usage' | 'envVar'> {
  const options = flag.options ? ` (${flag.options.join(', ')})` : ''
  if (isTurnedOff(flag)) return { name: `no-${flag.name}`, usage: `Not: ${flag.summary}`, envVar: '' }
  return { name: flag.name, usage: flag.summary + options, envVar: flag.env ?? '' }
}

type KindPart = { [K in PluginFlag['kind']]: Omit<PluginFlag & { kind: K }, 'name' | 'usage' | 'envVar'> }

const KINDS: Readonly<Record<FlagSpec['type'], (flag: FlagSpec) => KindPart[PluginFlag['kind']]>> = {
  string: ({ default: value }) => ({ kind: 'string', value: typeof value === 'string' ? value : '' }),
  integer: ({ default: value }) => ({ kind: 'int', value: typeof value === 'number' ? value : 0 }),
  list: ({ default: value }) => ({ kind: 'stringSlice', value: isList(value) ? value : [] }),
  boolean: () => ({ kind: 'bool' }),
}

function isList(value: FlagSpec['default']): value is readonly string[] {
  return Array.isArray(value)
}

function isTurnedOff(flag: FlagSpec): boolean {
  return flag.type === 'boolean' && flag.default === true
}

/**
 * What `SetConfigFromFlags` says of our flags, by their names. A host sends every flag, so that a value which is the
 * default stands for none, and it has read the flags' own variables; those of the vendors' tools only we know.
 * @throws MachineError `usage` for a bad variable
 */
export function givenFlags(
  flags: readonly FlagSpec[],
  values: PluginFlagValues,
  env: Environment,
): FlagValues {
  const given = Object.fromEntries(flags.map((flag) => [flag.name, givenValue(flag, values)]))
  const read = flags.map((flag) => (isTurnedOff(flag) ? flag : withoutVariable(flag)))
  const collected = collectFlagValues(read, given, env)
  if (collected.faults.length === 0) return collected.values
  throw new MachineError('usage', collected.faults.join('; '))
}

function withoutVariable({ env: _known, ...flag }: FlagSpec): FlagSpec {
  return flag
}

function givenValue(flag: FlagSpec, values: PluginFlagValues): FlagValues[string] {
  if (isTurnedOff(flag)) return values[`no-${flag.name}`] === true ? false : undefined
  const value = plain(values[flag.name])
  return isDefault(flag, value) ? undefined : value
}

function plain(value: PluginFlagValue | undefined): FlagValues[string] {
  return typeof value === 'object' && 'int' in value ? value.int : value
}

/** Also Go's zero values: a flag that has no default is sent as one. */
function isDefault(flag: FlagSpec, value: FlagValues[string]): boolean {
  const zero = flag.default ?? ZERO[flag.type]
  return value === undefined || JSON.stringify(value) === JSON.stringify(zero)
}

const ZERO: Readonly<Record<FlagSpec['type'], NonNullable<FlagValues[string]>>> = {
  string: '',
  integer: 0,
  boolean: false,
  list: [],
}
