import { templateError } from './errors.js'
import { tokenize, type Token, type TokenType } from './lexer.js'
import type { CommandNode, Node, Operand, Pipe } from './nodes.js'
import { unquote } from './unquote.js'
import type { Value } from './value.js'

/** Parses a Go template. @throws MachineError `usage` naming the place of the first fault */
export function parseTemplate(source: string, functions: ReadonlySet<string>): readonly Node[] {
  return new Parser(source, tokenize(source), functions).parse()
}

type Keyword = 'else' | 'end'
type Block = 'if' | 'with' | 'range'
const BLOCKS: readonly string[] = ['if', 'with', 'range']
const LITERALS: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null }
/** Tokens that an operand ends with, where the next one needs a blank. */
const GLUED: readonly TokenType[] = ['string', 'character', 'number', 'variable', 'word', 'field', 'right']
/** Go has them for templates of many parts; a format is one. */
const UNSUPPORTED: readonly string[] = ['define', 'template', 'block']

const DEEPEST = 500

class Parser {
  #at = 0
  #ranges = 0
  #depth = 0
  #variables: string[] = ['$']

  constructor(
    private readonly source: string,
    private readonly tokens: readonly Token[],
    private readonly functions: ReadonlySet<string>,
  ) {}

  parse(): readonly Node[] {
    const { nodes, stop } = this.#list()
    if (stop) throw this.#error(stop.token, `unexpected {{${stop.keyword}}}`)
    return nodes
  }

  /** Nodes up to the end, or to `{{else}}` or `{{end}}`, whose keyword is consumed but not its rest. */
  #list(): { nodes: Node[]; stop?: { keyword: Keyword; token: Token } } {
    const nodes: Node[] = []
    for (;;) {
      const token = this.#next()
      if (token.type === 'end') return { nodes }
      if (token.type === 'text') {
        nodes.push({ type: 'text', text: token.text })
        continue
      }
      const word = this.#peek()
      if (word.type === 'word' && (word.text === 'else' || word.text === 'end')) {
        this.#next()
        return { nodes, stop: { keyword: word.text, token: word } }
      }
      nodes.push(this.#action(word))
    }
  }

  #action(word: Token): Node {
    const keyword = word.type === 'word' ? word.text : ''
    if (UNSUPPORTED.includes(keyword)) throw this.#error(word, `{{${keyword}}} is not supported`)
    if (BLOCKS.includes(keyword)) {
      this.#next()
      return this.#block(keyword as Block, word)
    }
    if (keyword === 'break' || keyword === 'continue') return this.#jump(keyword, word)
    const pipe = this.#pipe()
    this.#expect('close')
    return { type: 'action', pipe }
  }

  /** Out of the loop, or to its next turn. */
  #jump(type: 'break' | 'continue', word: Token): Node {
    if (this.#ranges === 0) throw this.#error(word, `{{${type}}} outside {{range}}`)
    this.#next()
    this.#expect('close')
    return { type }
  }

  /** What stands inside something else. @throws where that is deeper than anybody writes by hand */
  #inside<T>(token: Token, read: () => T): T {
    if (++this.#depth > DEEPEST) throw this.#error(token, 'nested too deep')
    const result = read()
    this.#depth--
    return result
  }

  #block(type: Block, word: Token): Node {
    return this.#inside(word, () => this.#wholeBlock(type, word))
  }

  #wholeBlock(type: Block, word: Token): Node {
    const scope = this.#variables.length
    const pipe = this.#pipe(type === 'range' ? 2 : 1)
    this.#expect('close')
    if (type === 'range') this.#ranges++
    const { nodes: body, stop } = this.#list()
    if (type === 'range') this.#ranges--
    if (!stop) throw this.#error(word, `{{${type}}} has no {{end}}`)
    const otherwise = stop.keyword === 'else' ? this.#otherwise(word, type) : []
    if (stop.keyword === 'end') this.#expect('close')
    this.#variables.length = scope
    return { type, pipe, body, otherwise }
  }

  /** What follows `else`: a plain block, or another `if` or `with` that shares the `{{end}}`. */
  #otherwise(word: Token, type: Block): Node[] {
    const next = this.#peek()
    if (next.type === 'word' && next.text === type && type !== 'range') {
      this.#next()
      return [this.#block(type, next)]
    }
    this.#expect('close')
    const { nodes, stop } = this.#list()
    if (stop?.keyword !== 'end')
      throw this.#error(stop?.token ?? word, `{{${type}}} has no {{end}} after {{else}}`)
    this.#expect('close')
    return nodes
  }

  /** `most` is how many variables may be made: a range gives two, index and element. */
  #pipe(most = 1): Pipe {
    const { offset } = this.#peek()
    const { variables, assigns } = this.#declaration(most)
    const commands: CommandNode[] = [this.#command()]
    while (this.#peek().type === 'pipe') {
      this.#next()
      commands.push(this.#command())
    }
    if (!assigns) this.#variables.push(...variables)
    return { offset, variables, assigns, commands }
  }

  /** `$x :=`, `$x =` or `$i, $x :=` at the start of a pipe. */
  #declaration(most: number): { variables: readonly string[]; assigns: boolean } {
    const [first, second, third, fourth] = this.tokens.slice(this.#at, this.#at + 4)
    if (first?.type !== 'variable') return { variables: [], assigns: false }
    if (second?.type === 'declare' || second?.type === 'assign') {
      if (second.type === 'assign') this.#variable(first)
      this.#at += 2
      return { variables: [first.text], assigns: second.type === 'assign' }
    }
    if (second?.type !== 'comma' || third?.type !== 'variable') return { variables: [], assigns: false }
    if (fourth?.type !== 'declare' && fourth?.type !== 'assign') throw this.#error(second, 'expected :=')
    if (most < 2) throw this.#error(second, 'too many declarations')
    if (fourth.type === 'assign') for (const token of [first, third]) this.#variable(token)
    this.#at += 4
    return { variables: [first.text, third.text], assigns: fourth.type === 'assign' }
  }

  #command(): CommandNode {
    const { offset } = this.#peek()
    const operands: Operand[] = []
    for (;;) {
      const operand = this.#operand()
      if (!operand) break
      operands.push(operand)
    }
    const [first] = operands
    if (!first) throw this.#error(this.#peek(), 'missing value for command')
    if (operands.length === 1 && first.base.type === 'literal' && first.base.value === null)
      throw this.#error(this.tokens[this.#at - 1] ?? this.#peek(), 'nil is not a command')
    return { offset, operands }
  }

  #operand(): Operand | undefined {
    const token = this.#peek()
    const before = this.tokens[this.#at - 1]
    const base = this.#base(token)
    if (!base) return undefined
    if (token.joined && before && GLUED.includes(before.type))
      throw this.#error(token, `unexpected "${token.text}" in operand`)
    const path: string[] = token.type === 'field' ? [token.text.slice(1)] : []
    while (this.#peek().type === 'field' && this.#peek().joined) path.push(this.#next().text.slice(1))
    if (path.length > 0 && base.type === 'literal') throw this.#error(token, 'a literal has no fields')
    return { offset: token.offset, base, path }
  }

  #base(token: Token): Operand['base'] | undefined {
    const read = this.#bases[token.type]
    if (!read) return undefined
    this.#next()
    return read(token)
  }

  /** What an operand can begin with. */
  readonly #bases: Readonly<Partial<Record<TokenType, (token: Token) => Operand['base']>>> = {
    dot: () => ({ type: 'dot' }),
    field: () => ({ type: 'dot' }),
    variable: (token) => this.#variable(token),
    string: (token) => ({ type: 'literal', value: unquote(token.text, this.source, token.offset) }),
    character: (token) => ({ type: 'literal', value: this.#character(token) }),
    number: (token) => ({ type: 'literal', value: this.#number(token) }),
    word: (token) => this.#word(token),
    left: () => this.#parenthesis(),
  }

  /** Whole numbers are int, those with a point or an exponent float64. */
  #number(token: Token): Value {
    const [, sign = '', digits = ''] = /^([+-]?)(.*)$/.exec(token.text.replaceAll('_', '')) ?? []
    const old = /^0\d+$/.test(digits)
    const whole = /^(?:\d+|0[xXbBoO].*)$/.test(digits)
    const empty = /^0[xXbBoO]$/.test(digits)
    if (empty || (old && /[89]/.test(digits)) || !Number.isFinite(Number(digits)))
      throw this.#error(token, `bad number syntax: "${token.text}"`)
    if (!whole) return Number(sign + digits)
    const value = BigInt(old ? `0o${digits}` : digits)
    return sign === '-' ? -value : value
  }

  #character(token: Token): Value {
    const [first, ...more] = unquote(token.text, this.source, token.offset)
    if (first === undefined || more.length > 0)
      throw this.#error(token, `malformed character constant: ${token.text}`)
    return BigInt(first.codePointAt(0) ?? 0)
  }

  #variable(token: Token): Operand['base'] {
    if (!this.#variables.includes(token.text)) throw this.#error(token, `undefined variable "${token.text}"`)
    return { type: 'variable', name: token.text }
  }

  #word(token: Token): Operand['base'] {
    if (Object.hasOwn(LITERALS, token.text)) return { type: 'literal', value: LITERALS[token.text] }
    if (this.functions.has(token.text)) return { type: 'function', name: token.text }
    throw this.#error(token, `function "${token.text}" not defined`)
  }

  #parenthesis(): Operand['base'] {
    const pipe = this.#inside(this.#peek(), () => this.#pipe())
    this.#expect('right')
    return { type: 'pipe', pipe }
  }

  #peek(): Token {
    return this.tokens[this.#at] ?? { type: 'end', text: '', offset: this.source.length, joined: false }
  }

  #next(): Token {
    const token = this.#peek()
    this.#at++
    return token
  }

  #expect(type: TokenType): void {
    const token = this.#next()
    if (token.type !== type) throw this.#error(token, `unexpected "${token.text}" in action`)
  }

  #error(token: Token, message: string): Error {
    return templateError(this.source, token.offset, message)
  }
}
