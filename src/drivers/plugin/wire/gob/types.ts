/** How a type looks on the wire. Other types are named by their ids, which belong to one direction of a connection. */
export type GobType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarKind }
  | { readonly kind: 'interface' }
  | { readonly kind: 'array'; readonly element: number; readonly length: number }
  | { readonly kind: 'slice'; readonly element: number }
  | { readonly kind: 'map'; readonly key: number; readonly element: number }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly GobField[] }
  | { readonly kind: 'opaque'; readonly name: string }

export type ScalarKind = 'bool' | 'int' | 'uint' | 'float' | 'bytes' | 'string' | 'complex'

/** A field of a struct: its name and the id of its type. */
export type GobField = readonly [name: string, type: number]

/** Types by id. */
export type GobTypes = ReadonlyMap<number, GobType>

/** Ids that every sender knows. */
export const ID = {
  bool: 1,
  int: 2,
  uint: 3,
  float: 4,
  bytes: 5,
  string: 6,
  complex: 7,
  interface: 8,
} as const

/** Ids below are Go's own. */
export const FIRST_USER_ID = 64

/** What a definition itself is sent as: a struct like any other, of this type. */
export const WIRE_TYPE_ID = 16

const struct = (name: string, ...fields: GobField[]): GobType => ({ kind: 'struct', name, fields })

/** Source: the bootstrap ids of Go's encoding/gob. Field 0 of each definition is what they have in common. */
export const BUILT_IN_TYPES: GobTypes = new Map<number, GobType>([
  [ID.bool, { kind: 'scalar', scalar: 'bool' }],
  [ID.int, { kind: 'scalar', scalar: 'int' }],
  [ID.uint, { kind: 'scalar', scalar: 'uint' }],
  [ID.float, { kind: 'scalar', scalar: 'float' }],
  [ID.bytes, { kind: 'scalar', scalar: 'bytes' }],
  [ID.string, { kind: 'scalar', scalar: 'string' }],
  [ID.complex, { kind: 'scalar', scalar: 'complex' }],
  [ID.interface, { kind: 'interface' }],
  [
    WIRE_TYPE_ID,
    struct(
      'wireType',
      ['ArrayT', 17],
      ['SliceT', 19],
      ['StructT', 20],
      ['MapT', 23],
      ['GobEncoderT', 24],
      ['BinaryMarshalerT', 24],
      ['TextMarshalerT', 24],
    ),
  ],
  [17, struct('arrayType', ['CommonType', 18], ['Elem', ID.int], ['Len', ID.int])],
  [18, struct('CommonType', ['Name', ID.string], ['Id', ID.int])],
  [19, struct('sliceType', ['CommonType', 18], ['Elem', ID.int])],
  [20, struct('structType', ['CommonType', 18], ['Field', 22])],
  [21, struct('fieldType', ['Name', ID.string], ['Id', ID.int])],
  [22, { kind: 'slice', element: 21 }],
  [23, struct('mapType', ['CommonType', 18], ['Key', ID.int], ['Elem', ID.int])],
  [24, struct('gobEncoderType', ['CommonType', 18])],
])
