/**
 * Lower-cased natural order, a2 before a10; names that differ only in case keep an order of their own. No Intl: its
 * first use costs more than the whole listing.
 */
export function inNaturalOrder(names: readonly string[]): string[] {
  const keys = new Map(names.map((name) => [name, pieces(name)] as const))
  return [...names].sort((a, b) => comparePieces(keys.get(a) ?? [], keys.get(b) ?? []) || compareText(a, b))
}

function comparePieces(left: readonly string[], right: readonly string[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const order = comparePiece(left[index] ?? '', right[index] ?? '')
    if (order !== 0) return order
  }
  return 0
}

function pieces(name: string): string[] {
  return name.toLowerCase().match(/\d+|\D+/g) ?? []
}

function comparePiece(a: string, b: string): number {
  const numbers = /^\d/.test(a) && /^\d/.test(b) ? Number(a) - Number(b) : 0
  return numbers === 0 ? compareText(a, b) : numbers
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
