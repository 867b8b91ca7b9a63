/** What templates work on: plain JSON, where `undefined` is a missing value. */
export type Value =
  undefined | null | string | number | boolean | readonly Value[] | { readonly [key: string]: Value }

/** A JSON object, told apart from lists. */
export function isMap(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A list, told apart from objects. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

/** Go's truth: empty, zero, nil and false are not true. */
export function isTrue(value: Value): boolean {
  if (isList(value)) return value.length > 0
  if (isMap(value)) return Object.keys(value).length > 0
  return Boolean(value)
}

/** How Go prints a value: `<no value>` where there is none, `map[a:1]`, `[a b]`, numbers as %v does. */
export function printValue(value: Value): string {
  return value === undefined || value === null ? '<no value>' : printInner(value)
}

function printInner(value: Value): string {
  if (value === undefined || value === null) return '<nil>'
  if (isList(value)) return `[${value.map(printInner).join(' ')}]`
  if (typeof value === 'number') return printNumber(value)
  if (!isMap(value)) return String(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `map[${entries.map(([key, item]) => `${key}:${printInner(item)}`).join(' ')}]`
}

/** JSON numbers are Go's float64: from seven digits before the point on, they print with an exponent. */
function printNumber(value: number): string {
  const text = value.toExponential()
  const exponent = Number(text.slice(text.indexOf('e') + 1))
  if (exponent >= -4 && exponent < 6) return plain(value)
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

function plain(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(20).replace(/0+$/, '').replace(/\.$/, '') : text
}
