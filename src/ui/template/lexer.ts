import { templateError } from './errors.js'

export type TokenType =
  | 'text'
  | 'open'
  | 'close'
  | 'word'
  | 'field'
  | 'variable'
  | 'string'
  | 'character'
  | 'number'
  | 'dot'
  | 'pipe'
  | 'left'
  | 'right'
  | 'declare'
  | 'assign'
  | 'comma'
  | 'end'

export interface Token {
  readonly type: TokenType
  readonly text: string
  readonly offset: number
  /** No blank between this token and the one before: `.A.B` is one operand, `.A .B` are two. */
  readonly joined: boolean
}

const OPEN = '{{'
const ACTION_TOKENS: readonly (readonly [TokenType, RegExp])[] = [
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  [
    'number',
    /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)/y,
  ],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['character', /'(?:[^'\\\n]|\\.)+'/uy],
  ['dot', /\./y],
  ['declare', /:=/y],
  ['assign', /=/y],
  ['pipe', /\|/y],
  ['left', /\(/y],
  ['right', /\)/y],
  ['comma', /,/y],
]

/** Cuts a Go template into tokens; trim markers and comments are done with here. */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  let trimNext = false
  while (at < source.length) {
    const open = source.indexOf(OPEN, at)
    const end = open < 0 ? source.length : open
    const trimBefore = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4))
    pushText(tokens, source.slice(at, end), at, { start: trimNext, end: trimBefore })
    if (open < 0) break
    const action = readAction(source, open, trimBefore)
    for (const token of action.tokens) tokens.push(token)
    trimNext = action.trimAfter
    at = action.end
  }
  tokens.push({ type: 'end', text: '', offset: source.length, joined: false })
  return tokens
}

function pushText(
  tokens: Token[],
  text: string,
  offset: number,
  trim: { start: boolean; end: boolean },
): void {
  let kept = trim.start ? text.replace(/^[ \t\r\n]+/, '') : text
  if (trim.end) kept = kept.slice(0, endOfText(kept))
  if (kept !== '') tokens.push({ type: 'text', text: kept, offset, joined: false })
}

/** Where the blanks at the end begin. A pattern would look from each blank to the end of its run. */
function endOfText(text: string): number {
  let end = text.length
  while (' \t\r\n'.includes(text[end - 1] ?? 'x')) end--
  return end
}

interface Action {
  readonly tokens: readonly Token[]
  readonly end: number
  readonly trimAfter: boolean
}

function readAction(source: string, open: number, trimmed: boolean): Action {
  let at = open + OPEN.length + (trimmed ? 1 : 0)
  const comment = /\s*\/\*[\s\S]*?\*\/(\s-)?\}\}/y
  comment.lastIndex = at
  const commented = comment.exec(source)
  if (commented) return { tokens: [], end: comment.lastIndex, trimAfter: commented[1] !== undefined }
  const tokens: Token[] = [{ type: 'open', text: OPEN, offset: open, joined: false }]
  let joined = false
  for (;;) {
    const close = /(\s-)?\}\}/y
    close.lastIndex = at
    const closed = close.exec(source)
    if (closed) {
      tokens.push({ type: 'close', text: '}}', offset: at, joined: false })
      return { tokens, end: close.lastIndex, trimAfter: closed[1] !== undefined }
    }
    if (at >= source.length) throw templateError(source, open, 'unclosed action')
    if (/\s/.test(source[at] ?? '')) {
      at++
      joined = false
      continue
    }
    const token = readToken(source, at, joined)
    tokens.push(token)
    at += token.text.length
    joined = true
  }
}

function readToken(source: string, at: number, joined: boolean): Token {
  for (const [type, pattern] of ACTION_TOKENS) {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match) return { type, text: match[0], offset: at, joined }
  }
  if ('"`\''.includes(source[at] ?? '')) throw templateError(source, at, 'unterminated quoted string')
  throw templateError(source, at, `unexpected ${JSON.stringify(source[at])} in action`)
}
