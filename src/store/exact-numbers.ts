/**
 * Numbers of docker-machine's records that JavaScript cannot hold (ids of more than 53 bits): a record that is read
 * and written again keeps their digits.
 */
import type { Json } from '../contracts/record.js'

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
/** Stands before the digits while they are a text. From a private-use block; where a record has it, digits are not kept. */
const MARK = '\ue000'

/** @returns JSON of `value`, with the digits of `previous` where that had the same number at the same place */
export function stringifyExactly(value: Json, previous: string | undefined, blanks: number): string {
  const plain = JSON.stringify(value, null, blanks)
  const marked = previous === undefined || plain.includes(MARK) ? undefined : markNumbers(previous)
  if (marked === undefined) return plain
  const digits = JSON.stringify(withDigits(value, JSON.parse(marked) as Json), null, blanks)
  return digits.replace(new RegExp(`"${MARK}([^"]*)"`, 'g'), '$1')
}

/** The text with every number that would change as a marked text; undefined when there is none. */
function markNumbers(text: string): string | undefined {
  if (text.includes(MARK)) return undefined
  const marked = text.replace(TOKENS, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `"${MARK}${token}"`,
  )
  return marked === text ? undefined : marked
}

function withDigits(value: Json, marked: Json | undefined): Json {
  if (typeof value === 'number')
    return typeof marked === 'string' && Number(marked.slice(MARK.length)) === value ? marked : value
  if (typeof value !== 'object' || value === null || typeof marked !== 'object' || marked === null)
    return value
  const others = marked as Readonly<Record<string, Json>>
  if (Array.isArray(value)) return value.map((inner: Json, at) => withDigits(inner, others[at]))
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withDigits(inner, others[key])]),
  )
}
