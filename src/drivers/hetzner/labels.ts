/** Labels at Hetzner (API reference, "Labels"), and our tags among them. */
import { ID_TAG, STORE_TAG } from '../common/cloud/tags.js'

export type Labels = Readonly<Record<string, string>>

/** Bears everything that we make. */
const MARKER = 'tsmachine'
/** Selects it in lists. */
export const OURS = MARKER
const LONGEST = 63
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/
const PREFIX = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/** `KEY=VALUE`; undefined without a `=`. */
export function splitLabel(text: string): readonly [string, string] | undefined {
  const at = text.indexOf('=')
  return at < 0 ? undefined : [text.slice(0, at), text.slice(at + 1)]
}

/** Why Hetzner would not take a label of the user's. */
export function labelFault(key: string, value: string): string | undefined {
  const slash = key.lastIndexOf('/')
  const [prefix, name] = [key.slice(0, Math.max(slash, 0)), key.slice(slash + 1)]
  if (!NAME.test(name) || (slash >= 0 && !PREFIX.test(prefix)))
    return 'a key has up to 63 letters, digits, "-", "_" and ".", and may have a domain and "/" before it'
  if (prefix === 'hetzner.cloud') return 'hetzner.cloud/ belongs to Hetzner'
  if (name.startsWith(MARKER) && slash < 0) return `${MARKER}... labels are ours`
  if (value !== '' && !NAME.test(value))
    return 'a value has up to 63 letters, digits, "-", "_" and ".", and begins and ends with a letter or digit'
  return undefined
}

/** The user's own labels, checked before. */
export function givenLabels(labels: readonly string[]): Labels {
  return Object.fromEntries(
    labels.flatMap((label) => [splitLabel(label)].filter((split) => split !== undefined)),
  )
}

/** Our tags as labels. */
export function labelsOf(tags: Labels): Labels {
  const entries = Object.entries(tags).map(([key, value]) => [key, encodeValue(value)] as const)
  return { [MARKER]: 'true', ...Object.fromEntries(entries) }
}

/** Labels of what several machines share: only the store's. */
export function sharedLabels(storeId: string): Labels {
  return labelsOf({ [STORE_TAG]: storeId })
}

/** Our tags among labels. */
export function tagsOf(labels: Labels | undefined): Labels {
  const entries = Object.entries(labels ?? {}).filter(([key]) => key.startsWith(`${MARKER}-`))
  return Object.fromEntries(entries.map(([key, value]) => [key, decodeValue(value)]))
}

/** Selects one machine's server. */
export function machineSelector(machineId: string): string {
  return `${ID_TAG}=${machineId}`
}

/** How characters of fingerprints are written that may not be in a value. Others are `_x` and two hexadecimal digits. */
const SHORT: Readonly<Record<string, string>> = { ':': '_c', '+': '_p', '/': '_s', _: '_u' }
/** One digit longer than a value may be: it is packed. */
const SHA256 = /^[0-9a-f]{64}$/
const LONG = new Map(Object.entries(SHORT).map(([character, short]) => [short, character]))

/**
 * A text as a label's value, from which it can be read again. What is too long is cut: only names of machines can be, and
 * those are in the server's name as well.
 */
export function encodeValue(text: string): string {
  if (SHA256.test(text)) return `hex.${Buffer.from(text, 'hex').toString('base64url')}.0`
  const escaped = text.replace(/[^A-Za-z0-9.-]|[.-]$/gu, (character) => {
    const bytes = [...Buffer.from(character)].map((byte) => `_x${byte.toString(16).padStart(2, '0')}`)
    return SHORT[character] ?? bytes.join('')
  })
  const cut = escaped.slice(0, LONGEST).replace(/[^A-Za-z0-9]+$/, '')
  return cut.replace(/^[^A-Za-z0-9]+/, '')
}

function decodeValue(value: string): string {
  const [, packed] = /^hex\.([\w-]{43})\.0$/.exec(value) ?? []
  if (packed !== undefined) return Buffer.from(packed, 'base64url').toString('hex')
  const bytes = value.replace(/_(?:x([0-9a-f]{2})|[a-w])/g, (all, hex?: string) => {
    return hex === undefined ? (LONG.get(all) ?? all) : String.fromCharCode(parseInt(hex, 16))
  })
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
