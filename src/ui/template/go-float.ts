/** Go's `%g`: the shortest form without a precision, and an exponent for what is very small or large. */
export function formatG(value: number, precision?: number): string {
  if (!Number.isFinite(value)) return notFinite(value)
  const wanted = precision === undefined ? undefined : Math.max(precision, 1)
  const [mantissa = '', power = ''] = value
    .toExponential(wanted === undefined ? undefined : wanted - 1)
    .split('e')
  const exponent = Number(power)
  const digits = mantissa.replace(/^-/, '').replace('.', '').replace(/0+$/, '') || '0'
  if (exponent < -4 || exponent >= limitOf(wanted, digits.length, exponent)) {
    const point = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits
    return `${value < 0 ? '-' : ''}${point}${exponentText(exponent)}`
  }
  return value.toFixed(Math.max(0, digits.length - 1 - exponent))
}

/** From which exponent on Go writes one. */
function limitOf(precision: number | undefined, digits: number, exponent: number): number {
  if (precision === undefined) return SHORTEST_LIMIT
  return precision > digits && digits > exponent ? digits : precision
}

const SHORTEST_LIMIT = 6

/** Go's `%e`: two digits of exponent at least. */
export function formatE(value: number, precision = 6): string {
  if (!Number.isFinite(value)) return notFinite(value)
  const [mantissa = '', power = ''] = value.toExponential(precision).split('e')
  const [exact = '', exactPower] = value.toExponential(100).split('e')
  return (power === exactPower ? toEven(mantissa, exact) : mantissa) + exponentText(Number(power))
}

/** Go's `%f`. */
export function formatF(value: number, precision = 6): string {
  return Number.isFinite(value) ? toEven(value.toFixed(precision), value.toFixed(100)) : notFinite(value)
}

/** Go rounds a tie to the even digit, JavaScript up. */
function toEven(rounded: string, exact: string): string {
  const last = Number(rounded.at(-1))
  const isTie = /^50*$/.test(exact.slice(rounded.includes('.') ? rounded.length : rounded.length + 1))
  return isTie && last % 2 === 1 ? rounded.slice(0, -1) + String(last - 1) : rounded
}

function exponentText(exponent: number): string {
  return `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function notFinite(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
