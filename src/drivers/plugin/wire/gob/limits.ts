import { GobError } from './values.js'

/** How much of one peer's gob we take. */
export interface GobLimits {
  /** Bytes of one value: all its messages, with the definitions before and in it. */
  readonly valueBytes: number
  /** Values within one value: a struct, each of its fields and each element count. */
  readonly parts: number
  /** Values within values within values. */
  readonly depth: number
  /** Types that one connection may define. */
  readonly definitions: number
  /** Bytes of all their definitions. */
  readonly definitionBytes: number
}

/** Far above what a driver sends: its state and its flags are some kilobytes. */
export const DEFAULT_LIMITS: GobLimits = {
  valueBytes: 16 << 20,
  parts: 50_000,
  depth: 50,
  definitions: 500,
  definitionBytes: 1 << 20,
}

/** Counts what one connection has taken. */
export class GobBudget {
  #valueBytes = 0
  #parts = 0
  #definitions = 0
  #definitionBytes = 0

  constructor(readonly limits: GobLimits) {}

  /** A new value begins; definitions are counted for the whole connection. */
  begin(): void {
    this.#valueBytes = 0
    this.#parts = 0
  }

  takeMessage(bytes: number): void {
    this.#valueBytes += bytes
    if (this.#valueBytes > this.limits.valueBytes) throw tooMuch('bytes in one value', this.limits.valueBytes)
  }

  takePart(depth: number): void {
    if (++this.#parts > this.limits.parts) throw tooMuch('values in one value', this.limits.parts)
    if (depth > this.limits.depth) throw tooMuch('values inside each other', this.limits.depth)
  }

  takeDefinition(bytes: number): void {
    this.#definitionBytes += bytes
    if (++this.#definitions > this.limits.definitions) throw tooMuch('types', this.limits.definitions)
    if (this.#definitionBytes > this.limits.definitionBytes)
      throw tooMuch('bytes of type definitions', this.limits.definitionBytes)
  }
}

function tooMuch(what: string, limit: number): GobError {
  return new GobError(`more than ${limit} ${what}`)
}
