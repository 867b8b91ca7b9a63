import { escapeAsGo } from '../../util/text.js'
import { isList, isMap, sortedEntries, Struct, type Value } from './value.js'

/** A value as Go's JSON encoder writes it: maps in the order of their keys, `<`, `>` and `&` escaped. */
export function goJson(value: Value, indent = ''): string {
  return escapeAsGo(write(value, indent, ''))
}

function write(value: Value, indent: string, margin: string): string {
  if (value === undefined) return 'null'
  if (typeof value === 'bigint') return value.toString()
  const inner = margin + indent
  if (isList(value))
    return block(
      '[]',
      value.map((item) => write(item, indent, inner)),
      indent,
      margin,
    )
  const entries = isMap(value)
    ? sortedEntries(value)
    : value instanceof Struct
      ? Object.entries(value.fields)
      : undefined
  if (!entries) return JSON.stringify(value)
  const colon = indent === '' ? ':' : ': '
  const lines = entries.map(([key, item]) => JSON.stringify(key) + colon + write(item, indent, inner))
  return block('{}', lines, indent, margin)
}

function block(brackets: string, items: readonly string[], indent: string, margin: string): string {
  const [open = '', close = ''] = brackets
  if (items.length === 0 || indent === '') return open + items.join(',') + close
  const inner = `\n${margin}${indent}`
  return `${open}${inner}${items.join(`,${inner}`)}\n${margin}${close}`
}
