import { evaluate } from './evaluate.js'
import { FUNCTIONS } from './functions.js'
import { parseTemplate } from './parser.js'
import type { Value } from './value.js'

export { Struct, type Value } from './value.js'

/** A template that is ready to run, over one value or many. */
export type Template = (data: Value) => string

const NAMES: ReadonlySet<string> = new Set(Object.keys(FUNCTIONS))

/** Compiles a template in Go's language. @throws MachineError `usage` naming the place; so may running it */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source, NAMES)
  return (data) => evaluate(nodes, data, { source, functions: FUNCTIONS })
}
