import type { StageTime } from '../contracts/events.js'
import { oneLine } from '../util/text.js'

const BAR = 40
const SPACE = '   '

/** The stages of one machine as a table; their bars lie on one axis, so that stages which overlap are seen. */
export function timelineTable(machine: string, stages: readonly StageTime[]): string {
  const end = Math.max(0, ...stages.map(({ startMs, ms }) => startMs + ms))
  const rows = [
    ['STAGE', 'FROM', 'TOOK', ''],
    ...stages.map((one) => [label(one), seconds(one.startMs), seconds(one.ms), bar(one, end)]),
    ['total', '', seconds(end), ''],
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(SPACE)
      .trimEnd(),
  )
  return [`Timeline of ${machine}, from the start of the program:`, ...lines, ''].join('\n')
}

function label({ stage, part }: StageTime): string {
  return oneLine(part ?? stage).padStart(part === undefined ? 0 : part.length + 2)
}

/** What takes no time is seen as well. */
function bar({ startMs, ms, failed }: StageTime, end: number): string {
  const at = (time: number): number => Math.round((time / Math.max(1, end)) * BAR)
  const from = Math.min(at(startMs), BAR - 1)
  const length = Math.max(1, at(startMs + ms) - from)
  return `${' '.repeat(from)}${'#'.repeat(length)}${failed ? ' failed' : ''}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
