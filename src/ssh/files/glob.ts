import type { Files } from './files.js'

/** No file has a longer name; a host that sends one wants us to look for long. */
const LONGEST = 1_024
const MAGIC = /[*?[\\]/
const NOTHING = /(?!)/

/**
 * Paths that a pattern matches, in order; the pattern itself when it has no wildcard or matches nothing, as scp does:
 * a file whose name looks like a pattern is still found.
 */
export async function expandPattern(files: Files, pattern: string): Promise<string[]> {
  if (!MAGIC.test(pattern)) return [pattern]
  const absolute = pattern.startsWith('/')
  let found = [absolute ? '/' : '']
  for (const part of pattern.split('/').filter(Boolean)) {
    const next = await Promise.all(found.map((dir) => step(files, dir, part)))
    found = next.flat()
  }
  return found.length > 0 ? found.sort() : [pattern]
}

async function step(files: Files, dir: string, part: string): Promise<string[]> {
  if (!MAGIC.test(part)) {
    const path = dir === '' ? part : files.join(dir, part)
    return (await files.stat(path)) === undefined ? [] : [path]
  }
  const matches = partPattern(part)
  const names = await files.names(dir === '' ? '.' : dir).catch(() => [])
  return names
    .filter(
      (name) =>
        name.length <= LONGEST && matches.test(name) && (part.startsWith('.') || !name.startsWith('.')),
    )
    .map((name) => (dir === '' ? name : files.join(dir, name)))
}

/** glob(7) for one part of a path: `*`, `?`, `[a-z]`, `[!a-z]` and `\x` for x itself. A range that ends before it begins is nothing. */
export function partPattern(part: string): RegExp {
  const tokens = part.matchAll(/\\([^])|\[([!^]?)(\]?[^\]]*)\]|([^])/g)
  const source = [...tokens].map(([, escaped, not, set, plain]) => {
    if (escaped !== undefined) return literal(escaped)
    if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\[\]^]/g, '\\$&')}]`
    if (plain === '*') return '[^]*'
    return plain === '?' ? '[^]' : literal(plain ?? '')
  })
  try {
    return new RegExp(`^${source.join('')}$`, 'u')
  } catch {
    return NOTHING
  }
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
