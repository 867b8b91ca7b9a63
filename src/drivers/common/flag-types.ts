import type { FlagSpec, FlagValues } from '../../contracts/driver.js'
import { goInteger } from '../../util/go-values.js'

type Value = NonNullable<FlagValues[string]>
type Read = { readonly value: Value } | { readonly fault: string }

const TRUE = ['1', 't', 'true', 'yes', 'on']
const FALSE = ['0', 'f', 'false', 'no', 'off']

/** What a flag's text from the environment means. The text of a secret never comes back in a fault. */
export function fromText(flag: FlagSpec, text: string): Read {
  return READERS[flag.type](text, flag.secret ? 'its value' : JSON.stringify(text))
}

const READERS: Readonly<Record<FlagSpec['type'], (text: string, shown: string) => Read>> = {
  string: (text) => ({ value: text }),
  list: (text) => ({
    value: text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  }),
  integer(text, shown) {
    const value = goInteger(text)
    return value === undefined ? { fault: `${shown} is not a whole number` } : { value }
  },
  boolean(text, shown) {
    const word = text.trim().toLowerCase()
    if (TRUE.includes(word)) return { value: true }
    if (FALSE.includes(word)) return { value: false }
    return { fault: `${shown} is neither true nor false` }
  },
}

const KINDS: Readonly<Record<FlagSpec['type'], { is: (value: Value) => boolean; word: string }>> = {
  string: { is: (value) => typeof value === 'string', word: 'a text' },
  integer: { is: (value) => Number.isSafeInteger(value), word: 'a whole number' },
  boolean: { is: (value) => typeof value === 'boolean', word: 'true or false' },
  list: {
    is: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
    word: 'a list of texts',
  },
}

/** Why a value does not suit its flag, or undefined when it does. */
export function typeFault(flag: FlagSpec, value: Value): string | undefined {
  const kind = KINDS[flag.type]
  if (!kind.is(value)) return `--${flag.name} wants ${kind.word}`
  if (flag.options === undefined || (typeof value === 'string' && flag.options.includes(value)))
    return undefined
  return `--${flag.name} wants one of ${flag.options.join(', ')}`
}

/** Why a number is not a TCP port, or undefined when it is. */
export function portFault(flag: string, port: number | undefined): string | undefined {
  return port !== undefined && port >= 1 && port <= 65_535
    ? undefined
    : `--${flag} wants a port from 1 to 65535`
}
