import { templateError } from './errors.js'
import type { FunctionTable } from './functions.js'
import type { CommandNode, Node, Operand, Pipe } from './nodes.js'
import { isList, isMap, isTrue, printValue, type Value } from './value.js'

export interface EvaluateOptions {
  readonly source: string
  readonly functions: FunctionTable
  /** A record with fixed fields: unknown ones are faults, and the case of names does not matter. */
  readonly strict: boolean
}

/** Runs a parsed template over a value. @throws MachineError `usage` naming the place */
export function evaluate(nodes: readonly Node[], data: Value, options: EvaluateOptions): string {
  return new Run(options, data).nodes(nodes, data)
}

class Run {
  readonly #variables: { name: string; value: Value }[]

  constructor(
    private readonly options: EvaluateOptions,
    private readonly root: Value,
  ) {
    this.#variables = [{ name: '$', value: root }]
  }

  nodes(nodes: readonly Node[], dot: Value): string {
    const scope = this.#variables.length
    const text = nodes.map((node) => this.#node(node, dot)).join('')
    this.#variables.length = scope
    return text
  }

  #node(node: Node, dot: Value): string {
    switch (node.type) {
      case 'text':
        return node.text
      case 'action': {
        const value = this.#pipe(node.pipe, dot)
        return node.pipe.variables.length > 0 ? '' : printValue(value)
      }
      case 'if':
      case 'with':
        return this.#branch(node, dot)
      case 'range':
        return this.#range(node, dot)
    }
  }

  #branch(node: Extract<Node, { type: 'if' | 'with' }>, dot: Value): string {
    const scope = this.#variables.length
    const value = this.#pipe(node.pipe, dot)
    const inner = node.type === 'with' ? value : dot
    const text = isTrue(value) ? this.nodes(node.body, inner) : this.nodes(node.otherwise, dot)
    this.#variables.length = scope
    return text
  }

  #range(node: Extract<Node, { type: 'range' }>, dot: Value): string {
    const { variables, ...pipe } = node.pipe
    const value = this.#pipe({ ...pipe, variables: [] }, dot)
    const entries = this.#entries(value, node.pipe.offset)
    if (entries.length === 0) return this.nodes(node.otherwise, dot)
    return entries.map(([key, item]) => this.#turn(node.body, variables, key, item)).join('')
  }

  #turn(body: readonly Node[], variables: readonly string[], key: Value, item: Value): string {
    const scope = this.#variables.length
    const values = variables.length > 1 ? [key, item] : [item]
    variables.forEach((name, index) => this.#variables.push({ name, value: values[index] }))
    const text = this.nodes(body, item)
    this.#variables.length = scope
    return text
  }

  /** Maps are walked in the order of their keys, as Go does. */
  #entries(value: Value, offset: number): readonly (readonly [Value, Value])[] {
    if (value === undefined || value === null) return []
    if (isList(value)) return value.map((item, index) => [index, item] as const)
    if (isMap(value)) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    throw this.#error(offset, `range can't iterate over ${printValue(value)}`)
  }

  #pipe(pipe: Pipe, dot: Value): Value {
    let value: Value
    pipe.commands.forEach((command, index) => {
      value = this.#command(command, dot, index === 0 ? [] : [value])
    })
    for (const name of pipe.variables) {
      if (pipe.assigns) this.#assign(name, value)
      else this.#variables.push({ name, value })
    }
    return value
  }

  #assign(name: string, value: Value): void {
    const variable = this.#variables.findLast((entry) => entry.name === name)
    if (variable) variable.value = value
  }

  #command(command: CommandNode, dot: Value, piped: readonly Value[]): Value {
    const [first, ...rest] = command.operands
    if (first?.base.type === 'function') {
      const found = this.options.functions[first.base.name]
      if (!found) throw this.#error(first.offset, `function "${first.base.name}" not defined`)
      const name = first.base.name
      return this.#call(name, command.offset, found, [
        ...rest.map((item) => () => this.#operand(item, dot)),
        ...piped.map((item) => () => item),
      ])
    }
    if (first === undefined || rest.length > 0 || piped.length > 0)
      throw this.#error(command.offset, "can't give argument to non-function")
    return this.#operand(first, dot)
  }

  /** Arguments come as thunks: `and` and `or` stop at the first that decides. */
  #call(name: string, offset: number, work: FunctionTable[string], args: readonly (() => Value)[]): Value {
    try {
      return work(args)
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
        return this.#call(
          base.name,
          operand.offset,
          this.options.functions[base.name] ?? (() => undefined),
          [],
        )
    }
  }

  #field(value: Value, name: string, offset: number): Value {
    if (value === undefined || value === null)
      throw this.#error(offset, `nil pointer evaluating interface {}.${name}`)
    if (!isMap(value)) throw this.#error(offset, `can't evaluate field ${name} in type ${typeName(value)}`)
    if (Object.hasOwn(value, name)) return value[name]
    if (!this.options.strict || value !== this.root) return undefined
    const key = Object.keys(value).find((candidate) => candidate.toLowerCase() === name.toLowerCase())
    if (key === undefined)
      throw this.#error(offset, `can't evaluate field ${name}; there are ${Object.keys(value).join(', ')}`)
    return value[key]
  }

  #error(offset: number, message: string): Error {
    return templateError(this.options.source, offset, message)
  }
}

function typeName(value: Value): string {
  if (isList(value)) return '[]interface {}'
  return typeof value === 'number' ? 'float64' : typeof value === 'boolean' ? 'bool' : 'string'
}
