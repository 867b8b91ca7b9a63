import { ByteReader } from './byte-reader.js'
import { DEFAULT_LIMITS, GobBudget, type GobLimits } from './limits.js'
import { MessageReader } from './message-reader.js'
import { TypeTable } from './type-table.js'
import { type GobType, type ScalarKind, WIRE_TYPE_ID } from './types.js'
import { GobComplex, GobError, GobInterface, GobOpaque, GobStruct, type GobValue } from './values.js'

/** Decodes a value; asks for the next message whenever the value goes on in it. */
type Decoding<T> = Generator<undefined, T, Buffer>

type OfKind<K extends GobType['kind']> = Extract<GobType, { kind: K }>

const SCALARS: Readonly<Record<ScalarKind, (input: ByteReader) => GobValue>> = {
  bool: (input) => input.uint() !== 0,
  int: (input) => input.int(),
  uint: (input) => input.uint(),
  float: (input) => input.float(),
  bytes: (input) => input.counted(),
  string: (input) => input.text(),
  complex: (input) => new GobComplex(input.float(), input.float()),
}

/**
 * Decodes one direction of a gob stream, in whatever pieces it comes. A message is not a value: when a sender meets a
 * type for the first time inside an interface, it ends the message after the definition and goes on in the next.
 */
export class GobDecoder {
  readonly #budget: GobBudget
  readonly #types: TypeTable
  readonly #messages: MessageReader
  #input = new ByteReader(Buffer.alloc(0))
  #decoding: Decoding<GobValue>

  constructor(limits: GobLimits = DEFAULT_LIMITS) {
    this.#budget = new GobBudget(limits)
    this.#types = new TypeTable(this.#budget)
    this.#messages = new MessageReader(this.#budget)
    this.#decoding = this.#start()
  }

  /** The values that these bytes complete. @throws GobError at the first fault: the stream is of no use after it */
  *push(chunk: Buffer): Generator<GobValue, void> {
    for (const message of this.#messages.push(chunk)) {
      const step = this.#decoding.next(message)
      if (!step.done) continue
      yield step.value
      this.#decoding = this.#start()
    }
  }

  #start(): Decoding<GobValue> {
    this.#budget.begin()
    const decoding = this.#topLevel()
    decoding.next()
    return decoding
  }

  *#topLevel(): Decoding<GobValue> {
    this.#input = new ByteReader(yield)
    const value = yield* this.#single(yield* this.#concreteType(false), 0)
    if (this.#input.left > 0) throw new GobError(`${this.#input.left} bytes are left after a value`)
    return value
  }

  /** Definitions, then the type of the value that follows them. */
  *#concreteType(isInInterface: boolean): Decoding<number> {
    for (;;) {
      if (this.#input.left === 0) this.#input = new ByteReader(yield)
      const id = this.#input.id()
      if (id >= 0) return id
      const before = this.#input.left
      this.#types.define(-id, yield* this.#decode(WIRE_TYPE_ID, 0), before - this.#input.left)
      if (this.#input.left === 0) continue
      if (!isInInterface) throw new GobError('bytes are left after a definition')
      this.#input.count() // the length of the rest, which goes on here
    }
  }

  /** A value with nothing around it: what is not a struct has a zero in front, like a struct's only field. */
  *#single(id: number, depth: number): Decoding<GobValue> {
    if (this.#types.get(id).kind !== 'struct' && this.#input.uint() !== 0)
      throw new GobError('no zero in front of a value')
    return yield* this.#decode(id, depth)
  }

  *#decode(id: number, depth: number): Decoding<GobValue> {
    const type = this.#types.get(id)
    this.#budget.takePart(depth)
    switch (type.kind) {
      case 'struct':
        return yield* this.#struct(type, depth + 1)
      case 'slice':
        return yield* this.#elements(type.element, this.#input.count(), depth + 1)
      case 'array':
        return yield* this.#array(type, depth + 1)
      case 'map':
        return yield* this.#map(type, depth + 1)
      case 'interface':
        return yield* this.#interface(depth + 1)
      case 'opaque':
        return new GobOpaque(type.name, this.#input.counted())
      case 'scalar':
        return SCALARS[type.scalar](this.#input)
    }
  }

  *#struct(type: OfKind<'struct'>, depth: number): Decoding<GobStruct> {
    const fields = new Map<string, GobValue>()
    for (let index = -1; ;) {
      const delta = this.#input.count()
      if (delta === 0) return new GobStruct(type.name, fields)
      index += delta
      const field = type.fields[index]
      if (field === undefined) throw new GobError(`${type.name || 'a struct'} has no field ${index}`)
      fields.set(field[0], yield* this.#decode(field[1], depth))
    }
  }

  *#elements(element: number, count: number, depth: number): Decoding<GobValue[]> {
    const values: GobValue[] = []
    while (values.length < count) values.push(yield* this.#decode(element, depth))
    return values
  }

  *#array(type: OfKind<'array'>, depth: number): Decoding<GobValue[]> {
    const count = this.#input.count()
    if (count !== type.length) throw new GobError(`${count} elements in an array of ${type.length}`)
    return yield* this.#elements(type.element, count, depth)
  }

  *#map(type: OfKind<'map'>, depth: number): Decoding<Map<GobValue, GobValue>> {
    const entries = new Map<GobValue, GobValue>()
    for (let left = this.#input.count(); left > 0; left--) {
      const key = yield* this.#decode(type.key, depth)
      entries.set(key, yield* this.#decode(type.element, depth))
    }
    return entries
  }

  /** The count in front of the value is of no use: it does not count what follows a definition. */
  *#interface(depth: number): Decoding<GobInterface | null> {
    const registered = this.#input.text()
    if (registered === '') return null
    const id = yield* this.#concreteType(true)
    this.#input.count()
    return new GobInterface(registered, yield* this.#single(id, depth))
  }
}
