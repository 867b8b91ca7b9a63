import { templateError } from './errors.js'

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

function character(code: number, source: string, offset: number): string {
  if (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) return String.fromCodePoint(code)
  throw templateError(source, offset, `invalid Unicode code point U+${code.toString(16).toUpperCase()}`)
}

/** The text of a Go string literal, raw or with escapes. @throws MachineError `usage` for an unknown escape */
export function unquote(literal: string, source: string, offset: number): string {
  const inner = literal.slice(1, -1)
  if (literal.startsWith('`')) return inner
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
    (_all, hex?: string, short?: string, long?: string, octal?: string, letter?: string) => {
      const code = hex ?? short ?? long
      if (code !== undefined) return character(parseInt(code, 16), source, offset)
      if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8))
      const simple = SIMPLE[letter ?? '']
      if (simple === undefined)
        throw templateError(source, offset, `unknown escape "\\${letter ?? ''}" in string`)
      return simple
    },
  )
}
