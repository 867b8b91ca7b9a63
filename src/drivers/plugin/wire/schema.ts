import type { GobSchema } from './gob/encoder.js'
import { type GobField, type GobType, ID } from './gob/types.js'

/** Ids of the types that we send: ours to choose, and the same on both sides. */
export const TYPE = {
  envelope: 70,
  empty: 71,
  strings: 72,
  flagValues: 73,
  flagMap: 74,
  flags: 75,
  stringFlag: 76,
  intFlag: 77,
  stringSliceFlag: 78,
  boolFlag: 79,
} as const

/** Names under which both sides registered what goes through interfaces. The star is part of them. */
export const REGISTERED = {
  flagValues: '*rpcdriver.RPCFlags',
  stringFlag: '*mcnflag.StringFlag',
  intFlag: '*mcnflag.IntFlag',
  stringSliceFlag: '*mcnflag.StringSliceFlag',
  boolFlag: '*mcnflag.BoolFlag',
  string: 'string',
  int: 'int',
  bool: 'bool',
  strings: '[]string',
} as const

const struct = (name: string, ...fields: GobField[]): GobType => ({ kind: 'struct', name, fields })
const flag = (name: string, ...value: GobField[]): GobType =>
  struct(name, ['Name', ID.string], ['Usage', ID.string], ['EnvVar', ID.string], ...value)

const EMPTY = struct('')
const STRINGS: GobType = { kind: 'slice', element: ID.string }

/** What a client sends: a Request and its argument. */
export const CLIENT_SCHEMA: GobSchema = {
  types: new Map([
    [TYPE.envelope, struct('Request', ['ServiceMethod', ID.string], ['Seq', ID.uint])],
    [TYPE.empty, EMPTY],
    [TYPE.strings, STRINGS],
    [TYPE.flagValues, struct('RPCFlags', ['Values', TYPE.flagMap])],
    [TYPE.flagMap, { kind: 'map', key: ID.string, element: ID.interface }],
  ]),
  registered: new Map<string, number>([
    [REGISTERED.flagValues, TYPE.flagValues],
    [REGISTERED.string, ID.string],
    [REGISTERED.int, ID.int],
    [REGISTERED.bool, ID.bool],
    [REGISTERED.strings, TYPE.strings],
  ]),
}

/** What a server sends: a Response and its body. */
export const SERVER_SCHEMA: GobSchema = {
  types: new Map([
    [TYPE.envelope, struct('Response', ['ServiceMethod', ID.string], ['Seq', ID.uint], ['Error', ID.string])],
    [TYPE.empty, EMPTY],
    [TYPE.strings, STRINGS],
    [TYPE.flags, { kind: 'slice', element: ID.interface }],
    [TYPE.stringFlag, flag('StringFlag', ['Value', ID.string])],
    [TYPE.intFlag, flag('IntFlag', ['Value', ID.int])],
    [TYPE.stringSliceFlag, flag('StringSliceFlag', ['Value', TYPE.strings])],
    [TYPE.boolFlag, flag('BoolFlag')],
  ]),
  registered: new Map<string, number>([
    [REGISTERED.stringFlag, TYPE.stringFlag],
    [REGISTERED.intFlag, TYPE.intFlag],
    [REGISTERED.stringSliceFlag, TYPE.stringSliceFlag],
    [REGISTERED.boolFlag, TYPE.boolFlag],
  ]),
}
