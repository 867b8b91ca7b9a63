/** Go values as gob carries them, which describes itself: nothing but the stream is needed to decode them. */
export type GobValue =
  | boolean
  | number
  /** Whole numbers that a `number` cannot hold exactly. */
  | bigint
  | string
  | Buffer
  | GobComplex
  /** A slice or an array. */
  | readonly GobValue[]
  | ReadonlyMap<GobValue, GobValue>
  | GobStruct
  | GobOpaque
  /** What an interface holds; null: nothing. */
  | GobInterface
  | null

export class GobComplex {
  constructor(
    readonly real: number,
    readonly imaginary: number,
  ) {}
}

/** Fields that have their type's zero value are not on the wire, so they may be absent. */
export class GobStruct {
  constructor(
    /** The type's name in the sender's program, without its package. */
    readonly name: string,
    readonly fields: ReadonlyMap<string, GobValue> = new Map(),
  ) {}
}

/** A value whose Go type writes its own bytes (GobEncoder, BinaryMarshaler, TextMarshaler). */
export class GobOpaque {
  constructor(
    readonly name: string,
    readonly bytes: Buffer,
  ) {}
}

/** A value inside an interface, with the name under which the sender registered its type. */
export class GobInterface {
  constructor(
    readonly registered: string,
    readonly value: GobValue,
  ) {}
}

/** What is not gob, or is more of it than we take. */
export class GobError extends Error {
  override readonly name = 'GobError'
}
