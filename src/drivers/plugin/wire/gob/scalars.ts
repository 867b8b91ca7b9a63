/** One byte holds whole numbers below this; above, it holds how many bytes follow. */
export const ONE_BYTE = 128

/** Bytes of the longest whole number. */
export const MAX_BYTES = 8

/** A bigint as a number where a number can hold it. */
export function narrow(value: bigint): number | bigint {
  const small = Number(value)
  return Number.isSafeInteger(small) ? small : value
}

/** Signed to unsigned: the sign is the lowest bit. */
export function zigzag(value: number | bigint): number | bigint {
  const big = BigInt(value)
  return narrow(BigInt.asUintN(64, (big << 1n) ^ (big >> 63n)))
}

/** Unsigned to signed. */
export function unzigzag(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  return narrow(value & 1n ? ~(value >> 1n) : value >> 1n)
}
