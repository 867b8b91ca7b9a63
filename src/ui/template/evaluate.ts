import { templateError } from './errors.js'
import type { FunctionTable } from './functions.js'
import type { CommandNode, Node, Operand, Pipe } from './nodes.js'
import { printValue } from './printf.js'
import { goType, isList, isMap, isTrue, sortedEntries, Struct, toInteger, type Value } from './value.js'

export interface EvaluateOptions {
  readonly source: string
  readonly functions: FunctionTable
}

/** Runs a parsed template over a value. @throws MachineError `usage` naming the place */
export function evaluate(nodes: readonly Node[], data: Value, options: EvaluateOptions): string {
  return new Run(options, data).text(nodes)
}

/** How a list of nodes ended: at its end, or by leaving the turn or the loop that it is in. */
type End = 'end' | 'break' | 'continue'

class Run {
  readonly #variables: { name: string; value: Value }[]
  readonly #out: string[] = []
  #turns = 0

  constructor(
    private readonly options: EvaluateOptions,
    private readonly root: Value,
  ) {
    this.#variables = [{ name: '$', value: root }]
  }

  text(nodes: readonly Node[]): string {
    this.#nodes(nodes, this.root)
    return this.#out.join('')
  }

  #nodes(nodes: readonly Node[], dot: Value): End {
    const scope = this.#variables.length
    let end: End = 'end'
    for (const node of nodes) {
      end = this.#node(node, dot)
      if (end !== 'end') break
    }
    this.#variables.length = scope
    return end
  }

  #node(node: Node, dot: Value): End {
    switch (node.type) {
      case 'text':
        this.#out.push(node.text)
        return 'end'
      case 'action':
        return this.#action(node.pipe, dot)
      case 'if':
      case 'with':
        return this.#branch(node, dot)
      case 'range':
        return this.#range(node, dot)
      case 'break':
      case 'continue':
        return node.type
    }
  }

  #action(pipe: Pipe, dot: Value): End {
    const value = this.#pipe(pipe, dot)
    if (pipe.variables.length === 0) this.#out.push(printValue(value))
    return 'end'
  }

  #branch(node: Extract<Node, { body: unknown }>, dot: Value): End {
    const scope = this.#variables.length
    const value = this.#pipe(node.pipe, dot)
    const inner = node.type === 'with' ? value : dot
    const end = isTrue(value) ? this.#nodes(node.body, inner) : this.#nodes(node.otherwise, dot)
    this.#variables.length = scope
    return end
  }

  #range(node: Extract<Node, { body: unknown }>, dot: Value): End {
    const value = this.#pipe({ ...node.pipe, variables: [] }, dot)
    const entries = this.#entries(value, node.pipe.offset)
    if (entries.length === 0) return this.#nodes(node.otherwise, dot)
    for (const [key, item] of entries) {
      if (++this.#turns > MOST_TURNS) throw this.#error(node.pipe.offset, `more than ${MOST_TURNS} turns`)
      if (this.#turn(node, key, item) === 'break') break
    }
    return 'end'
  }

  #turn({ pipe, body }: Extract<Node, { body: unknown }>, key: Value, item: Value): End {
    const scope = this.#variables.length
    const values = pipe.variables.length > 1 ? [key, item] : [item]
    pipe.variables.forEach((name, index) => this.#set(pipe, name, values[index]))
    const end = this.#nodes(body, item)
    this.#variables.length = scope
    return end
  }

  #entries(value: Value, offset: number): readonly (readonly [Value, Value])[] {
    if (value === undefined || value === null) return []
    if (isList(value)) return value.map((item, index) => [BigInt(index), item] as const)
    if (isMap(value)) return sortedEntries(value)
    const count = toInteger(value)
    if (count === undefined || count > MOST_TURNS)
      throw this.#error(offset, `range can't iterate over ${printValue(value)}`)
    return Array.from(
      { length: Math.max(0, Number(count)) },
      (_, index) => [BigInt(index), BigInt(index)] as const,
    )
  }

  #pipe(pipe: Pipe, dot: Value): Value {
    let value: Value
    pipe.commands.forEach((command, index) => {
      value = this.#command(command, dot, index === 0 ? [] : [value])
    })
    for (const name of pipe.variables) this.#set(pipe, name, value)
    return value
  }

  /** Makes a variable, or changes the nearest one of that name. */
  #set(pipe: Pipe, name: string, value: Value): void {
    const known = pipe.assigns ? this.#variables.findLast((entry) => entry.name === name) : undefined
    if (known) known.value = value
    else this.#variables.push({ name, value })
  }

  #command(command: CommandNode, dot: Value, piped: readonly Value[]): Value {
    const [first, ...rest] = command.operands
    if (first?.base.type === 'function' && first.path.length === 0)
      return this.#call(first.base.name, command.offset, [
        ...rest.map((item) => () => this.#operand(item, dot)),
        ...piped.map((item) => () => item),
      ])
    if (first === undefined || rest.length > 0 || piped.length > 0)
      throw this.#error(command.offset, "can't give argument to non-function")
    return this.#operand(first, dot)
  }

  /** Arguments come as thunks: `and` and `or` stop at the first that decides. */
  #call(name: string, offset: number, args: readonly (() => Value)[]): Value {
    try {
      return this.options.functions[name]?.(args)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw this.#error(offset, `error calling ${name}: ${error.message}`)
    }
  }

  #operand(operand: Operand, dot: Value): Value {
    let value = this.#base(operand, dot)
    for (const name of operand.path) value = this.#field(value, name, operand.offset)
    return value
  }

  #base(operand: Operand, dot: Value): Value {
    const { base } = operand
    switch (base.type) {
      case 'dot':
        return dot
      case 'variable':
        return this.#variables.findLast((entry) => entry.name === base.name)?.value
      case 'literal':
        return base.value
      case 'pipe':
        return this.#pipe(base.pipe, dot)
      case 'function':
        return this.#call(base.name, operand.offset, [])
    }
  }

  #field(value: Value, name: string, offset: number): Value {
    // What a map does not have has no fields either, and is no fault; what is null cannot have any.
    if (value === undefined) return undefined
    if (value === null) throw this.#error(offset, `nil pointer evaluating interface {}.${name}`)
    if (value instanceof Struct) return this.#structField(value, name, offset)
    if (isMap(value)) return Object.hasOwn(value, name) ? value[name] : undefined
    // What is a text here has this method in Go: `eq .State.String "Running"`.
    if (typeof value === 'string' && name === 'String') return value
    throw this.#error(offset, `can't evaluate field ${name} in type ${goType(value)}`)
  }

  #structField({ fields }: Struct, name: string, offset: number): Value {
    const names = Object.keys(fields)
    const key =
      names.find((candidate) => candidate === name) ??
      names.find((candidate) => candidate.toLowerCase() === name.toLowerCase())
    if (key === undefined)
      throw this.#error(offset, `can't evaluate field ${name}; there are ${names.join(', ')}`)
    return fields[key]
  }

  #error(offset: number, message: string): Error {
    return templateError(this.options.source, offset, message, 'executing')
  }
}

/** Of all loops together: a mistyped count must not fill the memory. */
const MOST_TURNS = 100_000
