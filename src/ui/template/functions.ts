import { goJson } from './go-json.js'
import { format, goQuote, printPlain, sprint } from './printf.js'
import { goType, isList, isMap, isNumber, isTrue, Struct, toInteger, type Value } from './value.js'

/** Functions get their arguments unevaluated. They throw RangeError for bad arguments; the caller adds the place. */
export type FunctionTable = Readonly<Record<string, (args: readonly (() => Value)[]) => Value>>

type Plain = (...args: Value[]) => Value

function plain(work: Plain, fewest: number, most = fewest): FunctionTable[string] {
  return (args) => {
    if (args.length < fewest || args.length > most)
      throw new RangeError(
        `wrong number of args: want ${most > fewest ? 'at least ' : ''}${fewest} got ${args.length}`,
      )
    return work(...args.map((arg) => arg()))
  }
}

/** Go's built-ins that people use in formats, docker-machine's `json` and `prettyjson`, and the docker client's own. */
export const FUNCTIONS: FunctionTable = {
  and: (args) => shortCircuit(args, false),
  or: (args) => shortCircuit(args, true),
  not: plain((value) => !isTrue(value), 1),
  eq: plain((first, ...rest) => rest.some((other) => same(first, other)), 2, Infinity),
  ne: plain((first, second) => !same(first, second), 2),
  lt: plain((first, second) => compare(first, second) < 0, 2),
  le: plain((first, second) => compare(first, second) <= 0, 2),
  gt: plain((first, second) => compare(first, second) > 0, 2),
  ge: plain((first, second) => compare(first, second) >= 0, 2),
  index: plain((first, ...keys) => keys.reduce(indexed, first), 1, Infinity),
  slice: plain(sliced, 1, 3),
  len: plain(length, 1),
  print: plain((...values) => sprint(values), 0, Infinity),
  println: plain((...values) => `${values.map(printPlain).join(' ')}\n`, 0, Infinity),
  printf: plain((layout, ...values) => format(text(layout), values), 1, Infinity),
  html: plain(
    (...values) => sprint(values).replace(/[<>&'"\0]/g, (character) => HTML[character] ?? ''),
    1,
    Infinity,
  ),
  urlquery: plain((...values) => urlQuery(sprint(values)), 1, Infinity),
  json: plain((value) => goJson(value), 1),
  prettyjson: plain((value) => goJson(value, '    '), 1),
  join: plain((list, separator) => items(list).map(printPlain).join(text(separator)), 2),
  split: plain((value, separator) => text(value).split(text(separator)), 2),
  lower: plain((value) => text(value).toLowerCase(), 1),
  upper: plain((value) => text(value).toUpperCase(), 1),
}

const HTML: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  "'": '&#39;',
  '"': '&#34;',
  '\0': '\ufffd',
}

function urlQuery(value: string): string {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd'))
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

function shortCircuit(args: readonly (() => Value)[], stopAt: boolean): Value {
  if (args.length === 0) throw new RangeError('wrong number of args: want at least 1 got 0')
  let value: Value
  for (const arg of args) {
    value = arg()
    if (isTrue(value) === stopAt) return value
  }
  return value
}

/** JSON's numbers compare with the template's own, which Go refuses; other types only with their like. */
function same(a: Value, b: Value): boolean {
  for (const value of [a, b])
    if (isList(value) || isMap(value) || value instanceof Struct)
      throw new RangeError(`non-comparable type ${goType(value)}: ${printPlain(value)}`)
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b)
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b)
  if (typeof a !== typeof b) throw mixed(a, b)
  return a === b
}

function isNil(value: Value): boolean {
  return value === undefined || value === null
}

function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return Number(a) - Number(b)
  if (typeof a !== 'string' || typeof b !== 'string') throw mixed(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

function mixed(a: Value, b: Value): RangeError {
  const [left, right] = [goType(a), goType(b)]
  if (left === right) return new RangeError(`invalid type for comparison: ${left}`)
  return new RangeError(`incompatible types for comparison: ${left} and ${right}`)
}

function indexed(value: Value, key: Value): Value {
  if (isMap(value)) {
    if (typeof key !== 'string') throw new RangeError(`value has type ${goType(key)}; should be string`)
    return Object.hasOwn(value, key) ? value[key] : undefined
  }
  if (isNil(value)) throw new RangeError('index of untyped nil')
  if (typeof value === 'string')
    return BigInt(Buffer.from(value)[position(key, Buffer.byteLength(value) - 1)] ?? 0)
  if (!isList(value)) throw new RangeError(`can't index item of type ${goType(value)}`)
  return value[position(key, value.length - 1)]
}

/** An index from 0 to `last`. */
function position(key: Value, last: number): number {
  const whole = toInteger(key)
  if (whole === undefined) throw new RangeError(`cannot index slice/array with type ${goType(key)}`)
  if (whole < 0n || whole > BigInt(last)) throw new RangeError(`index out of range: ${whole}`)
  return Number(whole)
}

/** A part of a list or of a text's bytes. */
function sliced(value: Value, from: Value = 0n, to?: Value): Value {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    return bytes.toString('utf8', ...bounds(bytes.length, from, to))
  }
  if (isList(value)) return value.slice(...bounds(value.length, from, to))
  throw new RangeError(`can't slice item of type ${goType(value)}`)
}

function bounds(size: number, from: Value, to: Value): [start: number, end: number] {
  const end = to === undefined ? size : position(to, size)
  const start = position(from, size)
  if (start > end) throw new RangeError(`invalid slice index: ${start} > ${end}`)
  return [start, end]
}

function length(value: Value): bigint {
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value))
  if (isList(value)) return BigInt(value.length)
  if (isMap(value)) return BigInt(Object.keys(value).length)
  throw new RangeError(isNil(value) ? 'len of untyped nil' : `len of type ${goType(value)}`)
}

function text(value: Value): string {
  if (typeof value === 'string') return value
  throw new RangeError(`wrong type for value; expected string; got ${goType(value)}`)
}

function items(value: Value): readonly Value[] {
  if (isList(value)) return value
  throw new RangeError(
    `expected a list; got ${goType(value)} ${typeof value === 'string' ? goQuote(value) : ''}`.trim(),
  )
}
