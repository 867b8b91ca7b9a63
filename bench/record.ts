/** `bench/results.json`: the figures of one run of `npm run bench`, never those of two. docs/performance.md has its fields. */
import type { Computer } from './machine.js'
import type { BenchResult } from './result.js'

/** Changes when a field is removed or means something else. */
export const RESULTS_SCHEMA = 1

/** What is known of a run before its first comparison. */
export interface Head {
  readonly schema: number
  readonly version: string
  /** When the run began. */
  readonly date: string
  readonly computer: Computer
  /** False: not on PATH and not given, so nothing is compared with it. */
  readonly dockerMachine: boolean
}

export interface Results extends Head {
  readonly comparisons: readonly Comparison[]
}

/** One comparison of a run: its result, or why there is none. */
export interface Comparison {
  readonly name: string
  readonly date: string
  readonly runs: number
  /** How long it took. */
  readonly ms: number
  /** Processes that wanted a core, before and after. */
  readonly load: readonly [before: number, after: number]
  readonly result?: BenchResult
  readonly error?: string
}
