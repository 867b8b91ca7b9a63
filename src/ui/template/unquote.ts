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

/** The text of a Go string literal, raw or with escapes. @throws MachineError `usage` for an unknown escape */
export function unquote(literal: string, source: string, offset: number): string {
  const inner = literal.slice(1, -1)
  if (literal.startsWith('`')) return inner
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
    (_all, hex?: string, short?: string, long?: string, octal?: string, letter?: string) => {
      const code = hex ?? short ?? long
      if (code !== undefined) return String.fromCodePoint(parseInt(code, 16))
      if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8))
      const simple = SIMPLE[letter ?? '']
      if (simple === undefined)
        throw templateError(source, offset, `unknown escape "\\${letter ?? ''}" in string`)
      return simple
    },
  )
}
