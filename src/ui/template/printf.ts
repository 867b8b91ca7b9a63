import { printValue, type Value } from './value.js'

const VERB = /%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g

/** Go's `printf` for the verbs that formats use; a wrong verb shows as Go shows it. */
export function format(layout: string, values: readonly Value[]): string {
  let used = 0
  const text = layout.replace(
    VERB,
    (_all, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%'
      if (used >= values.length) return `%!${verb}(MISSING)`
      const value = values[used++]
      return pad(one(verb, value, precision), flags, Number(width ?? 0))
    },
  )
  const extra = values.slice(used).map((value) => `${goType(value)}=${printValue(value)}`)
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(', ')})` : text
}

function one(verb: string, value: Value, precision: string | undefined): string {
  const work = VERBS[verb]
  return work?.(value, precision) ?? `%!${verb}(${goType(value)}=${printValue(value)})`
}

type Verb = (value: Value, precision: string | undefined) => string | undefined

const VERBS: Readonly<Record<string, Verb>> = {
  v: printValue,
  s: (value, precision) => (typeof value === 'string' ? value.slice(0, limit(precision)) : printValue(value)),
  q: (value) => (typeof value === 'string' ? JSON.stringify(value) : undefined),
  d: (value) => (typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined),
  x: (value) =>
    typeof value === 'number' && Number.isInteger(value)
      ? value.toString(16)
      : typeof value === 'string'
        ? Buffer.from(value).toString('hex')
        : undefined,
  f: (value, precision) => (typeof value === 'number' ? value.toFixed(Number(precision ?? 6)) : undefined),
  t: (value) => (typeof value === 'boolean' ? String(value) : undefined),
}

function limit(precision: string | undefined): number | undefined {
  return precision === undefined ? undefined : Number(precision)
}

function pad(text: string, flags: string, width: number): string {
  if (flags.includes('-')) return text.padEnd(width)
  const zeros = flags.includes('0') && /^-?\d/.test(text)
  if (!zeros) return text.padStart(width)
  return text.startsWith('-') ? `-${text.slice(1).padStart(width - 1, '0')}` : text.padStart(width, '0')
}

function goType(value: Value): string {
  if (value === undefined || value === null) return '<nil>'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string'
    ? 'string'
    : Array.isArray(value)
      ? '[]interface {}'
      : 'map[string]interface {}'
}
