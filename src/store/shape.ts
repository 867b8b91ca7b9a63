/**
 * Shapes of JSON values, checked as they are read. Small and quick to load, because every verb reads records, and `ls`
 * thousands of them.
 */

/** What does not fit, and where: the path from the outside in. */
export class Misfit {
  readonly #path: string[] = []

  constructor(readonly text: string) {}

  /** The same, seen from one level further out. */
  below(key: string): this {
    this.#path.unshift(key)
    return this
  }

  get path(): string {
    return this.#path.join('.') || 'it'
  }
}

/** Reads a value: a copy of it in this shape, or what does not fit. */
export interface Shape<T> {
  read(value: unknown): T | Misfit
  /** Stands for a key that is not there. */
  readonly fallback?: T
}

/** A key that may be absent. */
export interface OptionalShape<T> extends Shape<T> {
  readonly optional: true
}

type Shapes = Readonly<Record<string, Shape<unknown>>>
type Out<S> = S extends Shape<infer T> ? T : never
type OptionalKeys<E> = { [K in keyof E]: E[K] extends OptionalShape<unknown> ? K : never }[keyof E]
type ObjectOf<E> = { readonly [K in Exclude<keyof E, OptionalKeys<E>>]: Out<E[K]> } & {
  readonly [K in OptionalKeys<E>]?: Out<E[K]>
}

/** A value that the test accepts. */
export function custom<T>(test: (value: unknown) => boolean, expected = 'unknown'): Shape<T> {
  return { read: (value) => (test(value) ? (value as T) : wrongType(expected, value)) }
}

export const string = custom<string>((value) => typeof value === 'string', 'string')
export const number = custom<number>((value) => typeof value === 'number', 'number')
export const boolean = custom<boolean>((value) => typeof value === 'boolean', 'boolean')

export function literal<const T>(wanted: T): Shape<T> {
  return custom<T>((value) => value === wanted, quoted(wanted))
}

export function oneOf<const T extends string>(values: readonly T[]): Shape<T> {
  const known = new Set<unknown>(values)
  return custom<T>((value) => known.has(value), `(${values.map(quoted).join(' | ')})`)
}

export function matching(pattern: RegExp): Shape<string> {
  return {
    read: (value) =>
      typeof value !== 'string'
        ? wrongType('string', value)
        : pattern.test(value)
          ? value
          : new Misfit(`Invalid format: Expected ${String(pattern)} but received ${quoted(value)}`),
  }
}

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return {
    read(value) {
      if (!Array.isArray(value)) return wrongType('Array', value)
      const items: T[] = []
      for (let index = 0; index < value.length; index++) {
        const read = item.read(value[index])
        if (read instanceof Misfit) return read.below(String(index))
        items.push(read)
      }
      return items
    },
  }
}

export function map<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    read(value) {
      if (!isObject(value)) return wrongType('Object', value)
      const entries: Record<string, T> = {}
      for (const key of Object.keys(value).filter(isPlainKey)) {
        const read = item.read(value[key])
        if (read instanceof Misfit) return read.below(key)
        entries[key] = read
      }
      return entries
    },
  }
}

/** Known keys in this order, then all others as they are: newer programs wrote them. */
export function object<const E extends Shapes>(shapes: E): Shape<ObjectOf<E>> {
  const known = Object.entries(shapes)
  return {
    read(value) {
      if (!isObject(value)) return wrongType('Object', value)
      const out: Record<string, unknown> = {}
      for (const [key, shape] of known) {
        const isThere = key in value
        if (!isThere && shape.fallback === undefined) {
          if ('optional' in shape) continue
          return new Misfit(`Invalid key: Expected ${quoted(key)} but received undefined`).below(key)
        }
        const read = isThere ? shape.read(value[key]) : shape.fallback
        if (read instanceof Misfit) return read.below(key)
        out[key] = read
      }
      for (const key of Object.keys(value))
        if (!Object.hasOwn(shapes, key) && isPlainKey(key)) out[key] = value[key]
      return out as ObjectOf<E>
    },
  }
}

export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return {
    optional: true,
    read: (value) => (value === undefined ? (undefined as T) : shape.read(value)),
  }
}

/** An absent key counts as this value. */
export function withDefault<T>(shape: Shape<T>, value: NoInfer<T>): Shape<T> {
  return {
    fallback: value,
    read: (given) => (given === undefined ? value : shape.read(given)),
  }
}

/** An absent object counts as one in which nothing is set. */
export function orEmpty<T>(shape: Shape<T>): Shape<T> {
  const empty = shape.read({})
  if (empty instanceof Misfit) throw new Error(`a key without default: ${empty.path}`)
  return withDefault(shape, empty)
}

export function orNull<T>(shape: Shape<T>): Shape<T | null> {
  return { read: (value) => (value === null ? null : shape.read(value)) }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** JSON may name what would be a prototype. */
function isPlainKey(key: string): boolean {
  return key !== '__proto__' && key !== 'prototype' && key !== 'constructor'
}

function wrongType(expected: string, value: unknown): Misfit {
  return new Misfit(`Invalid type: Expected ${expected} but received ${quoted(value)}`)
}

function quoted(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`
  if (Array.isArray(value)) return 'Array'
  return typeof value === 'object' && value !== null ? 'Object' : String(value)
}
