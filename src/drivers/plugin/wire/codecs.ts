import { asNumber, asStruct, asText, asTexts, kindOf } from './fields.js'
import { ID } from './gob/types.js'
import { GobError, GobInterface, GobStruct, type GobValue } from './gob/values.js'
import type {
  PluginFlag,
  PluginFlagValue,
  PluginFlagValues,
  PluginMethod,
  PluginMethods,
} from './plugin-api.js'
import { REGISTERED, TYPE } from './schema.js'

/** How one kind of argument or reply goes over the wire. */
export interface Codec<T> {
  /** Id of its type in our schemas. */
  readonly type: number
  encode(value: T): GobValue
  /** @throws GobError when the peer sent something else */
  decode(value: GobValue): T
}

const empty: Codec<undefined> = {
  type: TYPE.empty,
  encode: () => new GobStruct(''),
  decode: () => undefined,
}

const text: Codec<string> = { type: ID.string, encode: (value) => value, decode: asText }

const number: Codec<number> = { type: ID.int, encode: (value) => value, decode: asNumber }

/** Text that Go has as bytes. */
const json: Codec<string> = {
  type: ID.bytes,
  encode: (value) => Buffer.from(value, 'utf8'),
  decode: (value) => {
    if (Buffer.isBuffer(value)) return value.toString('utf8')
    throw new GobError(`${kindOf(value)} where bytes belong`)
  },
}

const flags: Codec<readonly PluginFlag[]> = {
  type: TYPE.flags,
  encode: (all) => all.map(encodeFlag),
  decode: (value) => {
    if (Array.isArray(value)) return value.map(decodeFlag)
    throw new GobError(`${kindOf(value)} where a list of flags belongs`)
  },
}

function encodeFlag(flag: PluginFlag): GobInterface {
  const fields: [string, GobValue][] = [
    ['Name', flag.name],
    ['Usage', flag.usage],
    ['EnvVar', flag.envVar],
  ]
  if (flag.kind !== 'bool') fields.push(['Value', flag.value])
  return new GobInterface(REGISTERED[`${flag.kind}Flag`], new GobStruct('', new Map(fields)))
}

/** What differs between the kinds of flags, by their registered names. */
type FlagKind = {
  [K in PluginFlag['kind']]: Omit<Extract<PluginFlag, { kind: K }>, 'name' | 'usage' | 'envVar'>
}[PluginFlag['kind']]

const FLAG_KINDS: Readonly<Record<string, (value: GobValue | undefined) => FlagKind>> = {
  [REGISTERED.stringFlag]: (value) => ({ kind: 'string', value: asText(value) }),
  [REGISTERED.intFlag]: (value) => ({ kind: 'int', value: asNumber(value) }),
  [REGISTERED.stringSliceFlag]: (value) => ({ kind: 'stringSlice', value: asTexts(value) }),
  [REGISTERED.boolFlag]: () => ({ kind: 'bool' }),
}

function decodeFlag(value: GobValue): PluginFlag {
  if (!(value instanceof GobInterface)) throw new GobError(`${kindOf(value)} where a flag belongs`)
  const kind = Object.hasOwn(FLAG_KINDS, value.registered) ? FLAG_KINDS[value.registered] : undefined
  if (!kind) throw new GobError(`a flag of the unknown kind ${value.registered.slice(0, 100)}`)
  const { fields } = asStruct(value.value)
  return {
    name: asText(fields.get('Name')),
    usage: asText(fields.get('Usage')),
    envVar: asText(fields.get('EnvVar')),
    ...kind(fields.get('Value')),
  }
}

const flagValues: Codec<PluginFlagValues> = {
  type: ID.interface,
  encode: (values) => {
    const map = new Map(Object.entries(values).map(([name, value]) => [name, encodeFlagValue(value)]))
    return new GobInterface(REGISTERED.flagValues, new GobStruct('', new Map([['Values', map]])))
  },
  decode: (value) => {
    const values = value instanceof GobInterface ? asStruct(value.value).fields.get('Values') : undefined
    const entries = values instanceof Map ? [...(values as ReadonlyMap<GobValue, GobValue>)] : []
    return Object.fromEntries(entries.map(([name, held]) => [asText(name), decodeFlagValue(held)]))
  },
}

function encodeFlagValue(value: PluginFlagValue): GobInterface {
  if (typeof value === 'string') return new GobInterface(REGISTERED.string, value)
  if (typeof value === 'boolean') return new GobInterface(REGISTERED.bool, value)
  if ('int' in value) return new GobInterface(REGISTERED.int, value.int)
  return new GobInterface(REGISTERED.strings, value)
}

function decodeFlagValue(held: GobValue): PluginFlagValue {
  const value = held instanceof GobInterface ? held.value : held
  if (typeof value === 'boolean' || typeof value === 'string') return value
  return typeof value === 'number' ? { int: value } : asTexts(value)
}

const action = { argument: empty, reply: empty }
const question = { argument: empty, reply: text }
const amount = { argument: empty, reply: number }

/** Every call of the protocol, with how its argument and its reply are sent. */
export const METHODS: {
  readonly [M in PluginMethod]: {
    readonly argument: Codec<PluginMethods[M]['argument']>
    readonly reply: Codec<PluginMethods[M]['reply']>
  }
} = {
  GetVersion: amount,
  Heartbeat: action,
  Close: action,
  GetCreateFlags: { argument: empty, reply: flags },
  SetConfigRaw: { argument: json, reply: empty },
  GetConfigRaw: { argument: empty, reply: json },
  SetConfigFromFlags: { argument: flagValues, reply: empty },
  DriverName: question,
  GetMachineName: question,
  GetIP: question,
  GetSSHHostname: question,
  GetSSHKeyPath: question,
  GetSSHPort: amount,
  GetSSHUsername: question,
  GetURL: question,
  GetState: amount,
  PreCreateCheck: action,
  Create: action,
  Remove: action,
  Start: action,
  Stop: action,
  Restart: action,
  Kill: action,
}
