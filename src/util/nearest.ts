/** Finds what a user may have meant. Returns undefined when nothing is near enough to be worth saying. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of candidates) {
    // At least as many edits as one is longer: a word of 64 KiB is compared with nothing.
    if (Math.abs(word.length - candidate.length) >= bestDistance) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_value, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++)
      current.push(cheapest(from, to, row, column, { beforeLast, last, current }))
    ;[beforeLast, last] = [last, current]
  }
  return last[to.length] ?? 0
}

type Rows = { beforeLast: number[]; last: number[]; current: number[] }

function cheapest(from: string, to: string, row: number, column: number, rows: Rows): number {
  const same = from[row - 1] === to[column - 1]
  const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
  return Math.min(
    at(rows.last, column) + 1,
    at(rows.current, column - 1) + 1,
    at(rows.last, column - 1) + (same ? 0 : 1),
    swapped ? at(rows.beforeLast, column - 2) + 1 : Infinity,
  )
}

function at(row: number[], column: number): number {
  return row[column] ?? Infinity
}
