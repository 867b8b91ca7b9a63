/** Go's regular expressions (RE2) as JavaScript's: what is written differently is translated, what Go lacks refused. */

const CLASSES: Readonly<Partial<Record<string, string>>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}

/** What may stand at a place, and what it becomes: the first that fits counts. `enters`: what follows it. */
interface Rule {
  readonly from: RegExp
  readonly to: (match: RegExpExecArray) => string
  readonly enters?: 'class' | 'text'
}

const same = ([all]: RegExpExecArray): string => all

const ESCAPES: readonly Rule[] = [
  { from: /\\Q([\s\S]*?)(?:\\E|$)/y, to: ([, text = '']) => literal(text) },
  { from: /\\a/y, to: () => '\\x07' },
  { from: /\\x\{([0-9A-Fa-f]+)\}/y, to: ([, code = '']) => `\\u{${code}}` },
  { from: /\\(0[0-7]{0,2}|[1-7][0-7]{2})/y, to: ([, code = '']) => `\\u{${parseInt(code, 8).toString(16)}}` },
  { from: /\\([pP])(?:\{(\^?)(\w+)\}|(\w))/y, to: property },
  { from: /\\[dDwWsSbBfnrtv]|\\x[0-9A-Fa-f]{2}/y, to: same },
  { from: /\\([^0-9A-Za-z])/y, to: ([, character = '']) => literal(character) },
  { from: /\\[\s\S]?/y, to: ([all]) => refuse('invalid escape sequence', all) },
]

const TEXT: readonly Rule[] = [
  { from: /\\A/y, to: () => '(?<![\\s\\S])' },
  { from: /\\z/y, to: () => '(?![\\s\\S])' },
  ...ESCAPES,
  { from: /\[(\^?)(\]?)/y, to: ([, not = '', first]) => `[${not}${first ? '\\]' : ''}`, enters: 'class' },
  { from: /\(\?P?<(?![=!])(\w+)>/y, to: ([, name = '']) => `(?<${name}>` },
  { from: /\(\?:/y, to: same },
  { from: /\(\?[\s\S]{0,2}/y, to: ([all]) => refuse('invalid or unsupported Perl syntax', all) },
  { from: /\{\d+(?:,\d*)?\}/y, to: same },
  { from: /[{}\]]/y, to: ([all]) => literal(all) },
  { from: /[\s\S]/y, to: same },
]

const CLASS: readonly Rule[] = [
  { from: /\[:(\^?)(\w+):\]/y, to: posixClass },
  { from: /\]/y, to: same, enters: 'text' },
  ...ESCAPES,
  { from: /[[(){}|/]/y, to: ([all]) => literal(all) },
  { from: /[\s\S]/y, to: same },
]

/** Compiles a pattern of Go's. @throws SyntaxError in Go's words, or in the engine's own */
export function goRegExp(pattern: string): RegExp {
  const [, flags = '', rest = pattern] = /^\(\?([imsU]+)\)([\s\S]*)$/.exec(pattern) ?? []
  // U changes how much matches, never whether something does.
  return new RegExp(translate(rest), `u${[...new Set(flags.replaceAll('U', ''))].join('')}`)
}

function translate(pattern: string): string {
  let out = ''
  let at = 0
  let opened: number | undefined
  while (at < pattern.length) {
    const { rule, match } = ruleAt(opened === undefined ? TEXT : CLASS, pattern, at)
    out += rule.to(match)
    if (rule.enters !== undefined) opened = rule.enters === 'class' ? at : undefined
    at += match[0].length
  }
  return opened === undefined ? out : refuse('missing closing ]', pattern.slice(opened))
}

function ruleAt(rules: readonly Rule[], pattern: string, at: number): { rule: Rule; match: RegExpExecArray } {
  for (const rule of rules) {
    rule.from.lastIndex = at
    const match = rule.from.exec(pattern)
    if (match) return { rule, match }
  }
  throw new Error('the last rule takes any character')
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll('-', '\\x2d')
}

function property([, letter = '', negated = '', name = '', short = '']: RegExpExecArray): string {
  const opposite = letter === 'p' ? 'P' : 'p'
  const wanted = name || short
  return `\\${negated ? opposite : letter}{${wanted.length > 2 ? `Script=${wanted}` : wanted}}`
}

function posixClass([all, negated, name = '']: RegExpExecArray): string {
  const range = CLASSES[name]
  return range === undefined || negated ? refuse('invalid character class range', all) : range
}

function refuse(why: string, part: string): never {
  throw new SyntaxError(`${why}: \`${part}\``)
}
