/**
 * What templates work on: JSON, where `undefined` is a missing value. As in Go, JSON's numbers are float64 and whole
 * numbers that the template itself makes (literals, `len`) are int: those are `bigint` here.
 */
export type Value =
  undefined | null | string | number | bigint | boolean | readonly Value[] | Struct | ValueMap

export interface ValueMap {
  readonly [key: string]: Value
}

/** A record with fixed fields, in order: unknown ones are faults, and the case of their names does not matter. */
export class Struct {
  constructor(readonly fields: ValueMap) {}
}

/** A JSON object, told apart from lists and records. */
export function isMap(value: Value): value is ValueMap {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof Struct)
}

/** A list, told apart from objects. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

/** An int or a float64. */
export function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** A number without a fraction; JSON's count too, although Go would not take them. */
export function toInteger(value: Value): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined
}

/** A map's entries in the order of their keys, as Go walks it. */
export function sortedEntries(map: ValueMap): [string, Value][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Go's truth: empty, zero, nil and false are not true. */
export function isTrue(value: Value): boolean {
  if (isList(value)) return value.length > 0
  if (isMap(value)) return Object.keys(value).length > 0
  return Boolean(value)
}

/** The name of a value's type in Go. */
export function goType(value: Value): string {
  if (value === undefined || value === null) return '<nil>'
  if (isList(value)) return '[]interface {}'
  if (value instanceof Struct) return 'struct'
  return TYPES[typeof value] ?? 'map[string]interface {}'
}

const TYPES: Readonly<Partial<Record<string, string>>> = {
  string: 'string',
  boolean: 'bool',
  number: 'float64',
  bigint: 'int',
}
