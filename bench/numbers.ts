import type { Measurement, Ratio, TimelinePart } from './result.js'

/** The middle value; of two middle ones the lower. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value that this part of all does not exceed: one of those measured, never one in between. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * part)] ?? 0
}

/** From here on a few wild runs do not count. */
const ENOUGH = 10

export interface Spread {
  readonly low: number
  readonly high: number
  readonly of: 'all' | '10..90 %'
}

/** How far the runs lie apart: all of few, the middle four fifths of many. */
export function spread(values: readonly number[]): Spread {
  if (values.length < ENOUGH) return { low: quantile(values, 0), high: quantile(values, 1), of: 'all' }
  return { low: quantile(values, 0.1), high: quantile(values, 0.9), of: '10..90 %' }
}

type Measured = Pick<Measurement, 'values'>

/** The median of one by the median of another. */
export function ratio(name: string, ours: Measured, theirs: Measured, budget?: number): Ratio {
  const value = median(ours.values) / median(theirs.values)
  return { name, value, ...(budget === undefined ? {} : { budget }) }
}

/** A ratio without a budget is within it; one of nothing to nothing is not. */
export function isKept({ value, budget }: Ratio): boolean {
  return budget === undefined || value <= budget
}

/** Milliseconds as text, in seconds with one decimal. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** A value with its unit, as exact as a reader needs it. */
export function amount(value: number, unit: Measurement['unit']): string {
  if (unit === 'ms' && value >= 10_000) return seconds(value)
  return `${round(value)} ${unit}`
}

function round(value: number): string {
  if (Number.isInteger(value) || value >= 100) return String(Math.round(value))
  return value.toPrecision(value >= 10 ? 3 : 2)
}

/** The timeline of medians: each part of the first run, with the middle of all runs. */
export function medianTimeline(runs: readonly (readonly TimelinePart[])[]): readonly TimelinePart[] {
  return (runs[0] ?? []).map((first) => {
    const same = runs.flatMap((parts) => parts.find(({ text }) => text === first.text) ?? [])
    const ms = median(same.map((part) => part.ms))
    const starts = same.flatMap(({ startMs }) => startMs ?? [])
    return { text: first.text, ms, ...(starts.length > 0 ? { startMs: median(starts) } : {}) }
  })
}
