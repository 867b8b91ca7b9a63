/** The test suites, and which of their files a run wants. */
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packageRoot } from '../src/util/paths.js'

export interface Suite {
  readonly name: string
  /** Test files at once: VMs come one after another. */
  readonly jobs: number
  /** Seconds until a file counts as hung. */
  readonly limitS: number
  /** Needs our images in the cache. */
  readonly images: boolean
}

const SUITES: readonly Suite[] = [
  { name: 'unit', jobs: 2, limitS: 600, images: false },
  { name: 'contract', jobs: 2, limitS: 600, images: false },
  { name: 'integration', jobs: 2, limitS: 900, images: true },
  { name: 'e2e', jobs: 1, limitS: 3000, images: true },
  { name: 'chaos', jobs: 1, limitS: 1800, images: true },
]

/** Test files that fail without root, and what they need it for. */
const NEED_ROOT: Readonly<Record<string, string>> = {
  'test/unit/provision/host-scripts.test.ts': 'runs the scripts that root runs on a host',
  'test/integration/provision.test.ts': 'provisions this computer over SSH',
  'test/e2e/network.test.ts': 'makes a bridge',
  'test/e2e/cloud.test.ts': 'gives servers port 22 of a loopback address',
  'test/e2e/cloud-double.test.ts': 'gives servers port 22 of a loopback address',
}

export interface Part {
  readonly suite: Suite
  /** Paths below the repository. */
  readonly files: readonly string[]
}

/** All files of each suite. */
export function everything(): readonly Part[] {
  return SUITES.map((suite) => {
    const dir = join('test', suite.name)
    const path = join(packageRoot(), dir)
    const names = existsSync(path) ? readdirSync(path, { recursive: true }).map(String) : []
    const files = names.filter((name) => name.endsWith('.test.ts')).map((name) => join(dir, name))
    return { suite, files: files.sort() }
  })
}

/** What the words of a command line name (suites and files; no word names all), and the words that name nothing. */
export function select(
  all: readonly Part[],
  words: readonly string[],
): { readonly parts: readonly Part[]; readonly unknown: readonly string[] } {
  const names = (word: string, { name }: Suite, file: string): boolean =>
    word === name || resolve(packageRoot(), word) === join(packageRoot(), file)
  const named = ({ suite, files }: Part, chosen: readonly string[]): readonly string[] =>
    files.filter((file) => chosen.some((word) => names(word, suite, file)))
  const parts = words.length === 0 ? all : all.map((part) => ({ ...part, files: named(part, words) }))
  return {
    parts: parts.filter(({ files }) => files.length > 0),
    unknown: words.filter((word) => all.every((part) => named(part, [word]).length === 0)),
  }
}

/** What an ordinary user can run. */
export function withoutRoot(parts: readonly Part[]): readonly Part[] {
  return parts
    .map(({ suite, files }) => ({ suite, files: files.filter((file) => !NEED_ROOT[file]) }))
    .filter(({ files }) => files.length > 0)
}

/** What to tell an ordinary user before minutes of work when some of the files need root. */
export function rootAdvice(parts: readonly Part[], uid: number | undefined): string | undefined {
  const needing = parts.flatMap(({ files }) => files).filter((file) => NEED_ROOT[file])
  if (uid === 0 || needing.length === 0) return undefined
  return [
    'Root is needed for:',
    ...needing.map((file) => `  ${file}  (${NEED_ROOT[file]})`),
    'Everything, as root:',
    '  sudo env "PATH=$PATH" npm test',
    'Everything but these:',
    '  npm test -- --no-root',
  ].join('\n')
}
