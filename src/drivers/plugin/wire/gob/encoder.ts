import { ByteWriter } from './byte-writer.js'
import { definitionOf } from './definition.js'
import { BUILT_IN_TYPES, type GobType, type GobTypes, type ScalarKind, WIRE_TYPE_ID } from './types.js'
import { GobComplex, GobError, GobInterface, GobOpaque, GobStruct, type GobValue } from './values.js'

/** The types of all that one side will ever send, and which of them its interfaces' registered names stand for. */
export interface GobSchema {
  readonly types: GobTypes
  readonly registered: ReadonlyMap<string, number>
}

type OfKind<K extends GobType['kind']> = Extract<GobType, { kind: K }>

/**
 * Encodes one direction of a gob stream. All definitions go first, as messages of their own; after them each value is
 * one message with none inside, which is less than Go's encoder does and all that its decoder needs.
 */
export class GobEncoder {
  readonly #schema: GobSchema
  readonly #types: GobTypes

  constructor(schema: GobSchema) {
    this.#schema = schema
    this.#types = new Map([...BUILT_IN_TYPES, ...schema.types])
  }

  definitions(): Buffer {
    const all = [...this.#schema.types].map(([id, type]) =>
      message((body) => {
        body.int(-id)
        this.#encode(body, WIRE_TYPE_ID, definitionOf(id, type))
      }),
    )
    return Buffer.concat(all)
  }

  /** One value of that type. @throws GobError when it is of another */
  value(id: number, value: GobValue): Buffer {
    return message((body) => {
      body.int(id)
      this.#single(body, id, value)
    })
  }

  #type(id: number): GobType {
    const type = this.#types.get(id)
    if (type === undefined) throw new GobError(`type ${id} is not in the schema`)
    return type
  }

  #single(output: ByteWriter, id: number, value: GobValue): void {
    if (this.#type(id).kind !== 'struct') output.uint(0)
    this.#encode(output, id, value)
  }

  #encode(output: ByteWriter, id: number, value: GobValue): void {
    const type = this.#type(id)
    switch (type.kind) {
      case 'struct':
        return this.#struct(output, type, expect(value, GobStruct))
      case 'slice':
        return this.#list(output, type.element, list(value))
      case 'array':
        return this.#list(output, type.element, list(value, type.length))
      case 'map':
        return this.#map(output, type, expect(value, Map<GobValue, GobValue>))
      case 'interface':
        return this.#interface(output, value)
      case 'opaque':
        return output.counted(expect(value, GobOpaque).bytes)
      case 'scalar':
        return SCALARS[type.scalar](output, value)
    }
  }

  /** Each field by how far it is from the one before. Zero values are left out, as their absence means them. */
  #struct(output: ByteWriter, type: OfKind<'struct'>, value: GobStruct): void {
    let last = -1
    for (const [index, [name, fieldType]] of type.fields.entries()) {
      const field = value.fields.get(name)
      if (field === undefined || isZero(field)) continue
      output.uint(index - last)
      this.#encode(output, fieldType, field)
      last = index
    }
    output.uint(0)
  }

  #list(output: ByteWriter, element: number, values: readonly GobValue[]): void {
    output.uint(values.length)
    for (const value of values) this.#encode(output, element, value)
  }

  #map(output: ByteWriter, type: OfKind<'map'>, entries: ReadonlyMap<GobValue, GobValue>): void {
    output.uint(entries.size)
    for (const [key, value] of entries) {
      this.#encode(output, type.key, key)
      this.#encode(output, type.element, value)
    }
  }

  #interface(output: ByteWriter, value: GobValue): void {
    if (value === null) return output.uint(0)
    const { registered, value: held } = expect(value, GobInterface)
    const id = this.#schema.registered.get(registered)
    if (id === undefined) throw new GobError(`${registered} is not registered`)
    output.text(registered)
    output.int(id)
    output.counted(bytesOf((inner) => this.#single(inner, id, held)))
  }
}

const SCALARS: Readonly<Record<ScalarKind, (output: ByteWriter, value: GobValue) => void>> = {
  bool: (output, value) => output.uint(expectType(value, 'boolean') ? 1 : 0),
  int: (output, value) => output.int(whole(value)),
  uint: (output, value) => output.uint(whole(value)),
  float: (output, value) => output.float(expectType(value, 'number')),
  bytes: (output, value) => output.counted(expect(value, Buffer)),
  string: (output, value) => output.text(expectType(value, 'string')),
  complex: (output, value) => {
    const { real, imaginary } = expect(value, GobComplex)
    output.float(real)
    output.float(imaginary)
  },
}

function bytesOf(write: (output: ByteWriter) => void): Buffer {
  const output = new ByteWriter()
  write(output)
  return output.done()
}

function message(write: (body: ByteWriter) => void): Buffer {
  return bytesOf((output) => output.counted(bytesOf(write)))
}

/** Structs and arrays have no zero value on the wire. */
function isZero(value: GobValue): boolean {
  if (Buffer.isBuffer(value) || Array.isArray(value)) return value.length === 0
  if (value instanceof Map) return value.size === 0
  return value === null || value === false || value === '' || Object.is(value, 0)
}

function expect<T>(value: GobValue, type: abstract new (...given: never[]) => T): T {
  if (value instanceof type) return value
  throw new GobError(`a value that is no ${type.name}`)
}

interface Primitives {
  readonly boolean: boolean
  readonly number: number
  readonly string: string
}

function expectType<K extends keyof Primitives>(value: GobValue, type: K): Primitives[K] {
  if (isType(value, type)) return value
  throw new GobError(`a value that is no ${type}`)
}

function isType<K extends keyof Primitives>(value: unknown, type: K): value is Primitives[K] {
  return typeof value === type
}

function whole(value: GobValue): number | bigint {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) return value
  throw new GobError('a value that is no whole number')
}

function list(value: GobValue, length?: number): readonly GobValue[] {
  if (isList(value) && (length === undefined || value.length === length)) return value
  throw new GobError(`a value that is no list${length === undefined ? '' : ` of ${length}`}`)
}

function isList(value: GobValue): value is readonly GobValue[] {
  return Array.isArray(value)
}
