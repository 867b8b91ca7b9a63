/**
 * Properties of parsers and writers, tried with generated values (fast-check). A failure names its seed; TSMACHINE_SEED=SEED
 * tries the same values again.
 */
import fc from 'fast-check'
import type { Test } from 'tap'
import { isMachineError } from '../../src/contracts/errors.js'
import { size, type SizeName } from '../sizes.js'

interface Options {
  /** Row of the sizes, `propertyRuns` if not said. */
  readonly runs?: SizeName
  /** A part of that, for what is slow: 10 is a tenth. */
  readonly slower?: number
  /** Values that are tried first, whatever the seed. */
  readonly examples?: readonly unknown[]
}

const DEFAULT_SEED = 20_261_122
export const SEED = Number(process.env['TSMACHINE_SEED'] ?? DEFAULT_SEED)

/** `holds` throws where the property does not hold for a value; no value may change what all objects inherit. */
export async function forAll<T>(
  t: Test,
  name: string,
  values: fc.Arbitrary<T>,
  holds: (value: T) => unknown,
  { runs = 'propertyRuns', slower = 1, examples = [] }: Options = {},
): Promise<void> {
  const numRuns = Math.max(20, Math.floor(size(runs) / slower))
  let tried = 0
  const property = fc.asyncProperty(values, async (value) => {
    tried++
    const result = await holds(value)
    if (result === false) throw new Error('it does not hold')
    checkPrototypes()
  })
  try {
    const given = examples.map((example) => [example as T] as [T])
    await fc.assert(property, { seed: SEED, numRuns, examples: given, includeErrorInReport: true })
    t.pass(`${name} (${tried} values, seed ${SEED})`)
  } catch (error) {
    const text = error instanceof Error ? error.message.slice(0, 4_000) : String(error)
    t.fail(`${name}: again with TSMACHINE_SEED=${SEED}`, { text })
  }
}

const INHERITED = JSON.stringify([Object.prototype, Array.prototype, Function.prototype].map(keysOf))

function keysOf(prototype: object): readonly string[] {
  return Reflect.ownKeys(prototype).map(String)
}

/** @throws where something is inherited by all objects that was not there before */
function checkPrototypes(): void {
  const now = JSON.stringify([Object.prototype, Array.prototype, Function.prototype].map(keysOf))
  if (now !== INHERITED || 'polluted' in {}) throw new Error(`a prototype was changed: ${now}`)
}

/** Control characters but line break and tab; what reorders text, stands for a line's end or is not seen. */
export const OBEYED =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u

/** What it gives, or undefined where it refuses in words for people. @throws what is a crash */
export function refusedOr<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (isMachineError(error) && error.code !== 'bug') return undefined
    throw error
  }
}

/** As `refusedOr`. */
export async function refusedOrLater<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isMachineError(error) && error.code !== 'bug') return undefined
    throw error
  }
}

/** Keys that every object inherits, or that make one inherit something else. */
export const INHERITED_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
]

const PIECES = [
  ...[
    '\0',
    '\n',
    '\r\n',
    '\r',
    '\t',
    '\v',
    '\u001b',
    '\u007f',
    '\u0085',
    '\u009b2J',
    '\u2028',
    '\u202e',
    '\ufeff',
  ],
  ...[
    '\u001b]0;t\u0007',
    '\u001b]52;c;aWQ=\u0007',
    '\u001b[2J',
    '\u061c',
    '\u2066',
    '\ud800',
    '😀',
    'ü',
    '漢',
  ],
  ...[
    '"',
    "'",
    '`',
    '$',
    '$(id)',
    '`id`',
    '${HOME}',
    '%',
    '%s',
    '%%',
    '\\',
    '\\n',
    ';',
    '&',
    '|',
    '<',
    '>',
    '*',
    '?',
  ],
  ...[
    '[',
    ']',
    '{',
    '}',
    '{{',
    '}}',
    '(',
    ')',
    '~',
    '#',
    '!',
    '=',
    ':',
    ',',
    '.',
    '/',
    '../',
    '../../etc/passwd',
    '-',
  ],
  ...[
    '--',
    '-oProxyCommand=id',
    ' ',
    '  ',
    '@',
    '^',
    '+',
    '0',
    '1',
    '9',
    '0x',
    '1e999',
    '-1',
    'a',
    'Z',
    'END',
    'true',
  ],
  ...[
    'null',
    '{"',
    '"}',
    '[1]',
    '//',
    '://',
    'http://',
    '::1',
    '::ffff:1.2.3.4',
    '127.0.0.1',
    '%eth0',
    '65536',
  ],
  ...INHERITED_KEYS,
]

const LONG = 65_536
const SURROGATES = { first: 0xd800, count: 0x800 }

/** Any character. The unit `binary` of fast-check is the same, and takes a second to be made. */
const CHARACTER = fc.integer({ min: 0, max: 0x10ffff - SURROGATES.count }).map((at) => {
  return String.fromCodePoint(at < SURROGATES.first ? at : at + SURROGATES.count)
})

/** Text that breaks what pastes it, with pieces that mean something to the reader in question. */
export function hostileText(...own: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.constantFrom(...PIECES, ...own, ...own, ...own)
  const pieces = fc.array(piece, { maxLength: 12 }).map((all) => all.join(''))
  const long = fc.tuple(piece, piece).map(([one, end]) => one.repeat(Math.ceil(LONG / one.length)) + end)
  return fc.oneof(
    { weight: 20, arbitrary: pieces },
    { weight: 5, arbitrary: fc.array(CHARACTER, { maxLength: 40 }).map((all) => all.join('')) },
    { weight: 5, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
    { weight: 1, arbitrary: long },
  )
}

/** One line of such text. */
export function hostileLine(...own: readonly string[]): fc.Arbitrary<string> {
  return hostileText(...own).map((text) => text.replace(/[\n\r]/g, ''))
}

/** Any JSON, with the keys that objects inherit among its own. */
export function hostileJson(...keys: readonly string[]): fc.Arbitrary<unknown> {
  const key = fc.oneof(fc.constantFrom(...INHERITED_KEYS, ...keys, ...keys), fc.string({ maxLength: 8 }))
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      hostileText(),
      fc.constantFrom<unknown>(null, true, false, 0, -1, 1e308, 2 ** 53, 0.1),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(withOwnKeys),
    ),
  }))
  return value
}

/** `__proto__` too becomes a key of the object itself, as JSON.parse has it. */
function withOwnKeys(entries: readonly (readonly [string, unknown])[]): unknown {
  return JSON.parse(
    `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
  )
}

/** Long texts on which a pattern that tries again from each place takes seconds, and one that does not a millisecond. */
export function pumps(...own: readonly string[]): readonly string[] {
  const parts = [
    ' ',
    '\t',
    '\n',
    '\r',
    '\\',
    '/',
    '"',
    "'",
    '(',
    '[',
    '{',
    '{{',
    '%',
    '*',
    '.',
    ':',
    '=',
    '-',
    '0',
    'a',
    '\0',
    ...own,
  ]
  const ends = ['x', '\u2028x']
  return parts.flatMap((part) => ends.map((end) => part.repeat(Math.ceil(LONG / part.length)) + end))
}

const MOST_MS = 1_000

/** Reads each long text in a second of this process's own time. */
export function checkBounded(
  t: Test,
  name: string,
  texts: readonly string[],
  read: (text: string) => unknown,
): void {
  const slow = texts.flatMap((text) => {
    const before = process.cpuUsage()
    refusedOr(() => read(text))
    const { user, system } = process.cpuUsage(before)
    const ms = (user + system) / 1_000
    return ms > MOST_MS
      ? [`${JSON.stringify(text.slice(0, 20))}...${JSON.stringify(text.slice(-3))}: ${Math.round(ms)} ms`]
      : []
  })
  if (slow.length === 0) t.pass(`${name}: ${texts.length} long texts`)
  else t.fail(`${name}: too slow for`, { slow })
}
