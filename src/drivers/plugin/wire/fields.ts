import { GobError, GobStruct, type GobValue } from './gob/values.js'

/** Reads what a peer's value should be; an absent field is its type's zero value. */

export function asStruct(value: GobValue): GobStruct {
  if (value instanceof GobStruct) return value
  throw new GobError(`${kindOf(value)} where a struct belongs`)
}

export function asText(value: GobValue = ''): string {
  if (typeof value === 'string') return value
  throw new GobError(`${kindOf(value)} where a text belongs`)
}

export function asNumber(value: GobValue = 0): number {
  if (typeof value === 'number') return value
  throw new GobError(`${kindOf(value)} where a number belongs`)
}

/** What is answered with the same number must be able to hold it. */
export function asCount(value: GobValue = 0): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new GobError(`${kindOf(value)} where a count belongs`)
}

export function asTexts(value: GobValue = []): readonly string[] {
  if (Array.isArray(value)) return value.map((element: GobValue) => asText(element))
  throw new GobError(`${kindOf(value)} where a list belongs`)
}

/** What a value is, for an error's text: its content may be a secret. */
export function kindOf(value: GobValue): string {
  if (value === null) return 'nothing'
  if (typeof value === 'object' && 'name' in value) return `a ${value.name || 'struct'}`
  return `a ${typeof value === 'object' ? value.constructor.name : typeof value}`
}
