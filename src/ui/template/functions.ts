import { format } from './printf.js'
import { isList, isMap, isTrue, printValue, type Value } from './value.js'

/** Functions get their arguments unevaluated. They throw RangeError for bad arguments; the caller adds the place. */
export type FunctionTable = Readonly<Record<string, (args: readonly (() => Value)[]) => Value>>

type Plain = (...args: Value[]) => Value

function plain(work: Plain, fewest: number, most = fewest): FunctionTable[string] {
  return (args) => {
    if (args.length < fewest || args.length > most)
      throw new RangeError(
        `wrong number of args: want ${fewest}${most > fewest ? ' or more' : ''} got ${args.length}`,
      )
    return work(...args.map((arg) => arg()))
  }
}

/** Go's built-ins that people use in formats, and docker's own few. */
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
  len: plain(length, 1),
  print: plain((...values) => values.map(printValue).join(' '), 0, Infinity),
  println: plain((...values) => values.map(printValue).join(' ') + '\n', 0, Infinity),
  printf: plain((layout, ...values) => format(text(layout), values), 1, Infinity),
  json: plain((value) => JSON.stringify(sorted(value) ?? null), 1),
  prettyjson: plain((value) => JSON.stringify(sorted(value) ?? null, undefined, 4), 1),
  join: plain((list, separator) => items(list).map(printValue).join(text(separator)), 2),
  split: plain((value, separator) => text(value).split(text(separator)), 2),
  lower: plain((value) => text(value).toLowerCase(), 1),
  upper: plain((value) => text(value).toUpperCase(), 1),
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

function same(a: Value, b: Value): boolean {
  if (typeof a === 'object' || typeof b === 'object') return (a ?? null) === (b ?? null)
  if (a !== undefined && b !== undefined && typeof a !== typeof b)
    throw new RangeError('incompatible types for comparison')
  return a === b
}

function compare(a: Value, b: Value): number {
  if ((typeof a !== 'number' && typeof a !== 'string') || typeof a !== typeof b)
    throw new RangeError('incompatible types for comparison')
  const [left, right] = [a, b as typeof a]
  return left < right ? -1 : left > right ? 1 : 0
}

function indexed(value: Value, key: Value): Value {
  if (isMap(value)) return Object.hasOwn(value, text(key)) ? value[text(key)] : undefined
  if (!isList(value)) throw new RangeError(`can't index item of ${printValue(value)}`)
  if (typeof key !== 'number' || !Number.isInteger(key))
    throw new RangeError(`cannot index slice with ${printValue(key)}`)
  if (key < 0 || key >= value.length) throw new RangeError(`index out of range: ${key}`)
  return value[key]
}

function length(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (isList(value)) return value.length
  if (isMap(value)) return Object.keys(value).length
  throw new RangeError(`len of ${printValue(value)}`)
}

function text(value: Value): string {
  if (typeof value === 'string') return value
  throw new RangeError(`expected string; found ${printValue(value)}`)
}

function items(value: Value): readonly Value[] {
  if (isList(value)) return value
  throw new RangeError(`expected a list; found ${printValue(value)}`)
}

/** Go writes the keys of maps in order. */
function sorted(value: Value): Value {
  if (isList(value)) return value.map(sorted)
  if (!isMap(value)) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]))
}
