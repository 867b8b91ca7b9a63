import type { Value } from './value.js'

/** A parsed template. Offsets point into the source, for errors. */
export type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'action'; readonly pipe: Pipe }
  | {
      readonly type: 'if' | 'with' | 'range'
      readonly pipe: Pipe
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
    }
  | { readonly type: 'break' | 'continue' }

export interface Pipe {
  readonly offset: number
  /** `$x := ...`, or `$i, $x := ...` in a range. */
  readonly variables: readonly string[]
  /** `$x = ...`: change a variable instead of making one. */
  readonly assigns: boolean
  readonly commands: readonly CommandNode[]
}

/** A function with its arguments, or one operand alone. */
export interface CommandNode {
  readonly offset: number
  readonly operands: readonly Operand[]
}

export interface Operand {
  readonly offset: number
  readonly base:
    | { readonly type: 'dot' }
    | { readonly type: 'variable'; readonly name: string }
    | { readonly type: 'literal'; readonly value: Value }
    | { readonly type: 'function'; readonly name: string }
    | { readonly type: 'pipe'; readonly pipe: Pipe }
  /** Field names that follow. */
  readonly path: readonly string[]
}
