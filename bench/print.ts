/** A comparison as text for a terminal. */
import { amount, isKept, median, seconds, spread } from './numbers.js'
import type { Comparison, Head } from './record.js'
import type { BenchResult, Curve, Measurement, Ratio, Timeline } from './result.js'

/** Said once, before the first comparison. */
export function printHead({ computer, dockerMachine, version }: Head): string {
  const { platform, arch, cpu, cores, memoryMb, node, accelerator } = computer
  return lines([
    `tsmachine ${version}, Node ${node}, ${platform} ${arch}, ${cores} cores (${cpu}), ${memoryMb} MB, accelerator ${accelerator}`,
    dockerMachine
      ? 'docker-machine is compared with'
      : 'docker-machine is not compared with: it is not on PATH and --docker-machine PATH was not given',
  ])
}

export function printComparison(comparison: Comparison): string {
  const { name, runs, load, ms, result, error } = comparison
  const [before, after] = load.map((value) => value.toFixed(2))
  return lines([
    `== ${name}, ${runs} ${runs === 1 ? 'run' : 'runs'}, took ${seconds(ms)}, load ${before} before, ${after} after`,
    ...(result ? resultLines(result) : [`failed: ${error ?? ''}`]),
  ])
}

function resultLines({ measurements, ratios, curves, timelines, notes }: BenchResult): string[] {
  return [
    ...table(measurements.map(measurementCells)),
    ...table(ratios.map(ratioCells)),
    ...(curves ?? []).flatMap(curveLines),
    ...(timelines ?? []).flatMap(timelineLines),
    ...notes.map((note) => `note: ${note}`),
  ]
}

function measurementCells({ name, unit, values }: Measurement): string[] {
  const { low, high, of } = spread(values)
  const range = `${amount(low, unit)} .. ${amount(high, unit)}`
  return [name, amount(median(values), unit), values.length > 1 ? `${range} (${of} of ${values.length})` : '']
}

function ratioCells(ratio: Ratio): string[] {
  const { name, value, budget } = ratio
  const verdict = isKept(ratio) ? 'kept' : 'EXCEEDED'
  return [
    `ratio ${name}`,
    value.toFixed(2),
    budget === undefined ? '' : `budget ${budget.toFixed(2)}: ${verdict}`,
  ]
}

function curveLines({ name, unit, points }: Curve): string[] {
  return [`${name}:`, ...table(points.map(([count, value]) => [`  ${count}`, amount(value, unit)]))]
}

function timelineLines({ name, parts }: Timeline): string[] {
  const cells = parts.map(({ text, ms, startMs }) => [
    `  ${text}`,
    amount(ms, 'ms'),
    startMs === undefined ? '' : `from ${amount(startMs, 'ms')}`,
  ])
  return [`where the time goes: ${name}`, ...table(cells)]
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : column === 1 ? cell.padStart(widths[1] ?? 0) : cell
  return rows.map((row) => row.map(pad).join('  ').trimEnd())
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}
