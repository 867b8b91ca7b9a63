/** Values that break whatever pastes them into a shell word, a unit or a line. */

const PIECES = [
  ...'\'"$`%\\ \t{}()<>|&;*?~#!=,:[]@^-+./aZ0_',
  ...[
    '$(id)',
    '`id`',
    '${HOME}',
    '%h',
    '%%',
    '\\n',
    '\\',
    'END',
    "'\\''",
    '$$',
    '  ',
    'ü',
    '漢',
    '😀',
    '\u00a0',
    'export',
    '\\x41',
  ],
]

/** The same ones each time, so that a failure can be seen again. */
export function hostileValues(count: number): string[] {
  const next = random(20_261_121)
  const made = Array.from({ length: count }, () =>
    Array.from({ length: next(12) }, () => PIECES[next(PIECES.length)]).join(''),
  )
  const known = ['', ' ', '\\', '"', "'", '$', '%', '\t', '#', ' x ', "it's", 'a\\', 'a"b\'c`d$e\\f']
  return [...new Set([...known, ...made])]
}

/** mulberry32: whole numbers below a limit. */
export function random(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}
