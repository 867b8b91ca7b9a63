/** How Go programs read booleans and whole numbers from words. */
const TRUE: readonly string[] = ['1', 't', 'T', 'true', 'TRUE', 'True']
const FALSE: readonly string[] = ['0', 'f', 'F', 'false', 'FALSE', 'False']

/** A Go boolean, or undefined for any other text. */
export function goBoolean(text: string): boolean | undefined {
  if (TRUE.includes(text)) return true
  return FALSE.includes(text) ? false : undefined
}

/** Digits by prefix: `0x` hexadecimal, `0b` binary, `0o` and a leading `0` octal. */
const FORMS: readonly (readonly [form: RegExp, prefix: string])[] = [
  [/^0x([0-9a-f]+)$/i, '0x'],
  [/^0b([01]+)$/i, '0b'],
  [/^0o?([0-7]+)$/i, '0o'],
  [/^(0|[1-9][0-9]*)$/, ''],
]

/** A whole number with Go's prefixes, or undefined for any other text. */
export function goInteger(text: string): number | undefined {
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text.trim()) ?? []
  for (const [form, prefix] of FORMS) {
    const [, size] = form.exec(digits) ?? []
    if (size === undefined) continue
    const value = Number(prefix + size) * (sign === '-' ? -1 : 1)
    return Number.isSafeInteger(value) ? value : undefined
  }
  return undefined
}
