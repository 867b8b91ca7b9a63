import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** One line of a package list; see the head of packages/base.list for the words. */
export type PackageLine =
  | { verb: 'take'; package: string; paths: string[] }
  | { verb: 'join'; package: string; target: string; paths: string[] }
  | { verb: 'link'; name: string; target: string }
  | { verb: 'try'; program: string; args: string[] }
  | { verb: 'need'; names: string[] }

/** Package lists of the boot image, by topic. */
export const PACKAGE_LISTS = ['base', 'ssh', 'engine'] as const

/** Module lists of the engine image, by topic; those of the initramfs are in it as well. */
export const MODULE_LISTS = ['initramfs', 'network', 'filesystems', 'guest', 'engine'] as const

/** Reads package-list text. Throws with the line number on a line that is none of the verbs. */
export function parsePackageList(text: string, name: string): PackageLine[] {
  return contentLines(text).map(({ words, number }) => {
    const line = parsePackageLine(words)
    if (!line) throw new Error(`${name} line ${String(number)}: cannot read "${words.join(' ')}"`)
    return line
  })
}

function parsePackageLine([verb, first, second, ...rest]: string[]): PackageLine | undefined {
  if (!first) return undefined
  if (verb === 'try') return { verb, program: first, args: second === undefined ? [] : [second, ...rest] }
  if (verb === 'need') return { verb, names: [first, ...(second ? [second, ...rest] : [])] }
  if (!second) return undefined
  if (verb === 'take') return { verb, package: first, paths: [second, ...rest] }
  if (verb === 'link' && rest.length === 0) return { verb, name: first, target: second }
  if (verb === 'join' && rest.length > 0) return { verb, package: first, target: second, paths: rest }
  return undefined
}

/** Reads module-list text: names, blank space between them. */
export function parseModuleList(text: string): string[] {
  return contentLines(text).flatMap(({ words }) => words)
}

function contentLines(text: string): { words: string[]; number: number }[] {
  return text
    .split('\n')
    .map((line, index) => ({ words: line.trim().split(/\s+/), number: index + 1 }))
    .filter(({ words }) => words[0] !== '' && !words[0]?.startsWith('#'))
}

/** All package lists of the boot image, in order. `dir` holds `packages/`. */
export async function readPackageLists(dir: string): Promise<PackageLine[]> {
  const lists = await Promise.all(
    PACKAGE_LISTS.map(async (name) => {
      const file = path.join(dir, 'packages', `${name}.list`)
      return parsePackageList(await readFile(file, 'utf8'), file)
    }),
  )
  return lists.flat()
}

/** Names of one module list. `dir` holds `modules/`. */
export async function readModuleList(dir: string, name: string): Promise<string[]> {
  return parseModuleList(await readFile(path.join(dir, 'modules', `${name}.list`), 'utf8'))
}

/** The Debian packages that package lists take from, sorted, each once. */
export function packagesOf(lines: readonly PackageLine[]): string[] {
  return [...new Set(lines.flatMap((line) => ('package' in line ? [line.package] : [])))].sort()
}
