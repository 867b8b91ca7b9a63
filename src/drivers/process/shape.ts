/**
 * What a value must look like: undefined when it does, else where it does not and what belongs there. `at` is the way to it,
 * empty for the value itself.
 */
export type Shape = (value: unknown, at?: string) => string | undefined

export const text = kind('a text', (value) => typeof value === 'string')
export const number = kind('a number', (value) => typeof value === 'number' && Number.isFinite(value))
export const flag = kind('true or false', (value) => typeof value === 'boolean')
export const port = kind(
  'a port',
  (value) => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536,
)
export const anyObject = kind('an object', isObject)

export function exactly(wanted: boolean): Shape {
  return kind(String(wanted), (value) => value === wanted)
}

export function oneOf(...words: readonly string[]): Shape {
  const names = words.map((word) => JSON.stringify(word)).join(', ')
  return kind(`one of ${names}`, (value) => typeof value === 'string' && words.includes(value))
}

export function optional(shape: Shape): Shape {
  return (value, at) => (value === undefined ? undefined : shape(value, at))
}

export function either(one: Shape, other: Shape): Shape {
  return (value, at) => (one(value, at) === undefined ? undefined : other(value, at))
}

export function list(of: Shape): Shape {
  return (value, at = '') => {
    if (!Array.isArray(value)) return fault(at, 'a list')
    return first(value, (one, index) => of(one, `${at}[${index}]`))
  }
}

/** Fields that are not named may be there, and anything. */
export function object(fields: Readonly<Record<string, Shape>>): Shape {
  return (value, at = '') => {
    if (!isObject(value)) return fault(at, 'an object')
    return first(Object.entries(fields), ([name, shape]) => shape(own(value, name), below(at, name)))
  }
}

/** An object with what `of` says under any key. */
export function record(of: Shape): Shape {
  return (value, at = '') => {
    if (!isObject(value)) return fault(at, 'an object')
    return first(Object.values(value), (one) => of(one, `a value of ${at}`))
  }
}

/** An object whose field `by` says which of these it is. */
export function variant(by: string, shapes: Readonly<Record<string, Shape>>): Shape {
  const word = oneOf(...Object.keys(shapes))
  return (value, at = '') => {
    if (!isObject(value)) return fault(at, 'an object')
    const name = own(value, by)
    return word(name, below(at, by)) ?? shapes[String(name)]?.(value, at)
  }
}

function kind(name: string, is: (value: unknown) => boolean): Shape {
  return (value, at = '') => (is(value) ? undefined : fault(at, name))
}

function fault(at: string, wanted: string): string {
  return `${at || 'it'} is not ${wanted}`
}

function below(at: string, name: string): string {
  return at === '' ? name : `${at}.${name}`
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function own(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

function first<T>(
  list: readonly T[],
  check: (one: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, one] of list.entries()) {
    const found = check(one, index)
    if (found !== undefined) return found
  }
  return undefined
}
