import type { GobBudget } from './limits.js'
import { BUILT_IN_TYPES, FIRST_USER_ID, type GobField, type GobType } from './types.js'
import { GobError, GobStruct, type GobValue } from './values.js'

/** The types that one direction of a connection has defined so far. */
export class TypeTable {
  readonly #types = new Map(BUILT_IN_TYPES)
  readonly #budget: GobBudget

  constructor(budget: GobBudget) {
    this.#budget = budget
  }

  /** A definition may name types that are defined later: who decodes a value of them looks then. */
  get(id: number): GobType {
    const type = this.#types.get(id)
    if (type === undefined) throw new GobError(`type ${id} is not defined`)
    return type
  }

  define(id: number, definition: GobValue, bytes: number): void {
    this.#budget.takeDefinition(bytes)
    if (id < FIRST_USER_ID || this.#types.has(id)) throw new GobError(`type ${id} is defined twice`)
    this.#types.set(id, toType(definition))
  }
}

/** One kind of definition by its field in `wireType`. */
const KINDS: Readonly<Record<string, (body: GobStruct) => GobType>> = {
  ArrayT: (body) => ({ kind: 'array', element: number(body, 'Elem'), length: number(body, 'Len') }),
  SliceT: (body) => ({ kind: 'slice', element: number(body, 'Elem') }),
  StructT: (body) => ({ kind: 'struct', name: nameOf(body), fields: fieldsOf(body) }),
  MapT: (body) => ({ kind: 'map', key: number(body, 'Key'), element: number(body, 'Elem') }),
  GobEncoderT: (body) => ({ kind: 'opaque', name: nameOf(body) }),
  BinaryMarshalerT: (body) => ({ kind: 'opaque', name: nameOf(body) }),
  TextMarshalerT: (body) => ({ kind: 'opaque', name: nameOf(body) }),
}

function toType(definition: GobValue): GobType {
  const [kind, ...others] = definition instanceof GobStruct ? definition.fields : []
  const make = kind && KINDS[kind[0]]
  if (!make || !(kind[1] instanceof GobStruct) || others.length > 0)
    throw new GobError('a definition of no one kind of type')
  return make(kind[1])
}

function number(struct: GobStruct, field: string): number {
  const value = struct.fields.get(field)
  return typeof value === 'number' ? value : 0
}

function text(struct: GobStruct, field: string): string {
  const value = struct.fields.get(field)
  return typeof value === 'string' ? value : ''
}

function nameOf(body: GobStruct): string {
  const common = body.fields.get('CommonType')
  return common instanceof GobStruct ? text(common, 'Name') : ''
}

function fieldsOf(body: GobStruct): GobField[] {
  const fields = body.fields.get('Field')
  if (!Array.isArray(fields)) return []
  return fields.flatMap((field): GobField[] =>
    field instanceof GobStruct ? [[text(field, 'Name'), number(field, 'Id')]] : [],
  )
}
