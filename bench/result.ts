/** What a comparison hands to `main`, which prints it, keeps it in `results.json` and draws it. */
export interface BenchResult {
  readonly measurements: readonly Measurement[]
  readonly ratios: readonly Ratio[]
  /** Cost by count, drawn as curves. */
  readonly curves?: readonly Curve[]
  /** Where the time goes, drawn as bars one below the other. */
  readonly timelines?: readonly Timeline[]
  /** What was not measured and why, and anything that a reader of the figures must know. */
  readonly notes: readonly string[]
}

/** All runs of one thing; taken in turn with what it is compared with. */
export interface Measurement {
  readonly name: string
  readonly unit: 'ms' | 'MB' | 'calls' | 'bytes'
  readonly values: readonly number[]
}

/** One median divided by another. */
export interface Ratio {
  readonly name: string
  readonly value: number
  /** The highest value that is within the budget (docs/performance.md). Without it the ratio is only told. */
  readonly budget?: number
}

export interface Curve {
  readonly name: string
  readonly unit: 'ms' | 'MB'
  readonly points: readonly (readonly [count: number, value: number])[]
}

export interface Timeline {
  readonly name: string
  readonly parts: readonly TimelinePart[]
}

/** Milliseconds. */
export interface TimelinePart {
  readonly text: string
  readonly ms: number
  /** Since the timeline's begin, where parts overlap or leave gaps. Without it a part begins when the one before ends. */
  readonly startMs?: number
}

/** What each comparison is given. */
export interface BenchOptions {
  readonly runs: number
  /** docker-machine's program, when it is on PATH or was given. */
  readonly dockerMachine?: string
}

export type Bench = (options: BenchOptions) => Promise<BenchResult>
