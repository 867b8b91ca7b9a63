import { oneLine } from '../util/text.js'

const PADDING = 3
const NARROWEST = 5

/**
 * Text in columns as docker-machine writes them: at least three blanks between, no column under five characters, the
 * last cell as it is. Cells are made safe for a terminal and single-lined.
 */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(oneLine))
  const widths = columnWidths(clean)
  return clean.map((row) => `${renderRow(row, widths)}\n`).join('')
}

function columnWidths(rows: readonly (readonly string[])[]): readonly number[] {
  const widths: number[] = []
  for (const row of rows)
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? NARROWEST, [...cell].length + PADDING)
    })
  return widths
}

function renderRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => (column === row.length - 1 ? cell : pad(cell, widths[column] ?? NARROWEST)))
    .join('')
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - [...cell].length))
}
