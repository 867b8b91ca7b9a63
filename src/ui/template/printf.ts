import { formatE, formatF, formatG } from './go-float.js'
import { goType, isList, isMap, sortedEntries, Struct, toInteger, type Value } from './value.js'

/** One `%` directive. */
interface Directive {
  readonly flags: string
  readonly width: number
  readonly precision: number | undefined
  readonly verb: string
}

const DIRECTIVE = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.?)/gsu
const PLAIN: Directive = { flags: '', width: 0, precision: undefined, verb: 'v' }

/** Go takes no more either. */
const WIDEST = 1_000_000

/** How Go's `%v` prints a value inside other text: `<nil>`, `map[a:1]`, `[a b]`. */
export function printPlain(value: Value): string {
  return one(PLAIN, value)
}

/** How a template prints the value of an action: `<no value>` where there is none. */
export function printValue(value: Value): string {
  return value === undefined || value === null ? '<no value>' : printPlain(value)
}

/** Go's `printf`; a verb that does not fit its value shows as Go shows it. */
export function format(layout: string, values: readonly Value[]): string {
  let used = 0
  const star = (text: string | undefined): number | undefined =>
    text === '*' ? Number(toInteger(values[used++]) ?? 0) : text === undefined ? undefined : Number(text)
  const text = layout.replace(
    DIRECTIVE,
    (_all, flags: string, wide: string | undefined, precise: string | undefined, verb: string) => {
      const width = star(wide) ?? 0
      const precision = star(precise)
      if (Math.abs(width) > WIDEST) return '%!(BADWIDTH)'
      if ((precision ?? 0) > WIDEST) return '%!(BADPREC)'
      if (verb === '%') return '%'
      if (verb === '') return '%!(NOVERB)'
      if (used >= values.length) return `%!${verb}(MISSING)`
      const left = width < 0 ? `${flags}-` : flags
      return one({ flags: left, width: Math.abs(width), precision, verb }, values[used++])
    },
  )
  const extra = values
    .slice(used)
    .map((value) => (isNil(value) ? '<nil>' : `${goType(value)}=${printPlain(value)}`))
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(', ')})` : text
}

function isNil(value: Value): value is undefined | null {
  return value === undefined || value === null
}

/** Verbs go into lists, maps and records; width and flags hold for each element. */
function one(directive: Directive, value: Value): string {
  const { verb } = directive
  if (verb === 'T') return pad(goType(value), directive)
  if (isNil(value)) return pad(verb === 'v' ? '<nil>' : `%!${verb}(<nil>)`, directive)
  const inner = (item: Value): string => one(directive, item)
  if (isList(value)) return `[${value.map(inner).join(' ')}]`
  if (value instanceof Struct) return `{${structItems(directive, value).join(' ')}}`
  if (isMap(value))
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${inner(key)}:${inner(item)}`)
      .join(' ')}]`
  return scalar(directive, value) ?? `%!${verb}(${goType(value)}=${one({ ...directive, verb: 'v' }, value)})`
}

function structItems(directive: Directive, value: Struct): string[] {
  const named = directive.verb === 'v' && directive.flags.includes('+')
  return Object.entries(value.fields).map(([name, item]) => (named ? `${name}:` : '') + one(directive, item))
}

type Scalar = string | number | bigint | boolean

function scalar(directive: Directive, value: Scalar): string | undefined {
  if (typeof value === 'string') return STRING_VERBS[directive.verb]?.(value, directive)
  if (typeof value === 'boolean')
    return 'vt'.includes(directive.verb) ? pad(String(value), directive) : undefined
  const whole = toInteger(value)
  const float = typeof value === 'number' ? FLOAT_VERBS[directive.verb] : undefined
  if (float) return signed(float(Number(value), directive.precision), directive)
  return whole === undefined ? undefined : integer(directive, whole)
}

type StringVerb = (value: string, directive: Directive) => string

const text: StringVerb = (value, directive) => pad(cut(value, directive), directive)

const STRING_VERBS: Readonly<Partial<Record<string, StringVerb>>> = {
  v: text,
  s: text,
  q: (value, directive) => pad(quoted(cut(value, directive), directive), directive),
  x: (value, directive) => pad(Buffer.from(cut(value, directive)).toString('hex'), directive),
  X: (value, directive) => pad(Buffer.from(cut(value, directive)).toString('hex').toUpperCase(), directive),
}

function cut(value: string, { precision }: Directive): string {
  return precision === undefined ? value : [...value].slice(0, precision).join('')
}

function quoted(value: string, { flags }: Directive): string {
  return flags.includes('#') && !/[`\p{C}]/u.test(value) ? `\`${value}\`` : goQuote(value)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}

/** A string literal of Go: what cannot be seen is escaped. */
export function goQuote(value: string): string {
  return `"${value.replace(/["\\]|(?! )[\p{C}\p{Z}]/gu, (character) => ESCAPES[character] ?? escape(character))}"`
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

type FloatVerb = (value: number, precision: number | undefined) => string

const FLOAT_VERBS: Readonly<Partial<Record<string, FloatVerb>>> = {
  v: formatG,
  g: formatG,
  G: (value, precision) => formatG(value, precision).toUpperCase(),
  e: formatE,
  E: (value, precision) => formatE(value, precision).toUpperCase(),
  f: formatF,
  F: formatF,
}

const BASES: Readonly<Partial<Record<string, readonly [base: number, prefix: string]>>> = {
  v: [10, ''],
  d: [10, ''],
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, ''],
  x: [16, '0x'],
  X: [16, '0X'],
}

function integer(directive: Directive, value: bigint): string | undefined {
  const { verb, flags, precision } = directive
  if (verb === 'c') return pad(String.fromCodePoint(Number(value)), directive)
  if (verb === 'q') return pad(`'${goQuote(String.fromCodePoint(Number(value))).slice(1, -1)}'`, directive)
  if (verb === 'U') return pad(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, directive)
  const base = BASES[verb]
  if (!base) return undefined
  const [radix, prefix] = base
  const magnitude = (value < 0n ? -value : value).toString(radix).padStart(precision ?? 1, '0')
  const digits = verb === 'X' ? magnitude.toUpperCase() : magnitude
  const marked = (verb === 'O' ? '0o' : flags.includes('#') ? prefix : '') + digits
  return signed(value < 0n ? `-${marked}` : marked, directive)
}

function signed(number: string, directive: Directive): string {
  const { flags } = directive
  if (/^[-+]/.test(number)) return pad(number, directive)
  return pad((flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + number, directive)
}

function pad(shown: string, { flags, width }: Directive): string {
  const missing = width - [...shown].length
  if (missing <= 0) return shown
  if (flags.includes('-')) return shown + ' '.repeat(missing)
  if (!flags.includes('0')) return ' '.repeat(missing) + shown
  const [, sign = '', rest = ''] = /^([-+ ]?)(.*)$/s.exec(shown) ?? []
  return sign + '0'.repeat(missing) + rest
}

/** Go's `print`: blanks only between two operands that are no strings. */
export function sprint(values: readonly Value[]): string {
  return values
    .map((value, index) => {
      const blank = index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string'
      return (blank ? ' ' : '') + printPlain(value)
    })
    .join('')
}
