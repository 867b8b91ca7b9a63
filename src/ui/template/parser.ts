import { templateError } from './errors.js'
import { tokenize, type Token, type TokenType } from './lexer.js'
import type { CommandNode, Node, Operand, Pipe } from './nodes.js'
import { unquote } from './unquote.js'

/** Parses a Go template. @throws MachineError `usage` naming the place of the first fault */
export function parseTemplate(source: string, functions: ReadonlySet<string>): readonly Node[] {
  return new Parser(source, tokenize(source), functions).parse()
}

type Keyword = 'else' | 'end'
const BLOCKS: readonly string[] = ['if', 'with', 'range']
const LITERALS: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null }

class Parser {
  #at = 0
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
    if (word.type === 'word' && BLOCKS.includes(word.text)) {
      this.#next()
      return this.#block(word.text as 'if' | 'with' | 'range', word)
    }
    const pipe = this.#pipe()
    this.#expect('close')
    return { type: 'action', pipe }
  }

  #block(type: 'if' | 'with' | 'range', word: Token): Node {
    const scope = this.#variables.length
    const pipe = this.#pipe()
    this.#expect('close')
    const { nodes: body, stop } = this.#list()
    if (!stop) throw this.#error(word, `{{${type}}} has no {{end}}`)
    const otherwise = stop.keyword === 'else' ? this.#otherwise(word, type) : []
    if (stop.keyword === 'end') this.#expect('close')
    this.#variables.length = scope
    return { type, pipe, body, otherwise }
  }

  /** What follows `else`: a plain block, or another `if` or `with` that shares the `{{end}}`. */
  #otherwise(word: Token, type: string): Node[] {
    const next = this.#peek()
    if (next.type === 'word' && (next.text === 'if' || next.text === 'with')) {
      this.#next()
      return [this.#block(next.text, next)]
    }
    this.#expect('close')
    const { nodes, stop } = this.#list()
    if (stop?.keyword !== 'end')
      throw this.#error(stop?.token ?? word, `{{${type}}} has no {{end}} after {{else}}`)
    this.#expect('close')
    return nodes
  }

  #pipe(): Pipe {
    const { offset } = this.#peek()
    const { variables, assigns } = this.#declaration()
    const commands: CommandNode[] = [this.#command()]
    while (this.#peek().type === 'pipe') {
      this.#next()
      commands.push(this.#command())
    }
    if (!assigns) this.#variables.push(...variables)
    return { offset, variables, assigns, commands }
  }

  /** `$x :=`, `$x =` or `$i, $x :=` at the start of a pipe. */
  #declaration(): { variables: readonly string[]; assigns: boolean } {
    const [first, second, third, fourth] = this.tokens.slice(this.#at, this.#at + 4)
    if (first?.type !== 'variable') return { variables: [], assigns: false }
    if (second?.type === 'declare' || second?.type === 'assign') {
      this.#at += 2
      return { variables: [first.text], assigns: second.type === 'assign' }
    }
    if (second?.type !== 'comma' || third?.type !== 'variable') return { variables: [], assigns: false }
    if (fourth?.type !== 'declare' && fourth?.type !== 'assign') throw this.#error(second, 'expected :=')
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
    if (operands.length === 0) throw this.#error(this.#peek(), 'missing value for command')
    return { offset, operands }
  }

  #operand(): Operand | undefined {
    const token = this.#peek()
    const base = this.#base(token)
    if (!base) return undefined
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
    number: (token) => ({ type: 'literal', value: Number(token.text) }),
    word: (token) => this.#word(token),
    left: () => this.#parenthesis(),
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
    const pipe = this.#pipe()
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
