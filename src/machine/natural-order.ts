/**
 * Lower-cased natural order, a2 before a10; names that differ only in case keep an order of their own. No Intl: its
 * first use costs more than the whole listing.
 */
export function naturalOrder(a: string, b: string): number {
  const left = pieces(a)
  const right = pieces(b)
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const order = comparePieces(left[index] ?? '', right[index] ?? '')
    if (order !== 0) return order
  }
  return compareText(a, b)
}

function pieces(name: string): string[] {
  return name.toLowerCase().match(/\d+|\D+/g) ?? []
}

function comparePieces(a: string, b: string): number {
  const numbers = /^\d/.test(a) && /^\d/.test(b) ? Number(a) - Number(b) : 0
  return numbers === 0 ? compareText(a, b) : numbers
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
