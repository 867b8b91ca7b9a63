import { lstatSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf, fileError } from '../util/file-error.js'
import { makePrivateDir, writeFileAtomic } from '../util/atomic-file.js'
import { quoted } from './program.js'

/** The line by which a configuration takes in a file, or all that a path with a `*` in its middle stands for. */
export function includeLine(path: string, { pattern = false } = {}): string {
  const escaped = path.replace(pattern ? /[?[\\]/g : /[*?[\\]/g, '\\$&')
  return `Include ${quoted(escaped).replaceAll('%%', '%')}`
}

/**
 * Makes our line the first one: an Include below a `Host` counts for that host only, and of two values for one option
 * ssh takes the first. Returns whether anything was changed.
 */
export async function addInclude(configPath: string, line: string): Promise<boolean> {
  const text = await readConfig(configPath)
  if (isInForce(text, line)) return false
  await replaceConfig(configPath, `${line}\n${withoutLine(text, line)}`)
  return true
}

/** Takes our line out again. Returns whether it was there. */
export async function removeInclude(configPath: string, line: string): Promise<boolean> {
  const text = await readConfig(configPath)
  const rest = withoutLine(text, line)
  if (rest === text) return false
  await replaceConfig(configPath, rest)
  return true
}

/** Names that a user's own configuration has an entry for, patterns left out. */
export async function ownHosts(configPath: string): Promise<ReadonlySet<string>> {
  const lines = (await readConfig(configPath)).split(/\r?\n/)
  const names = lines.flatMap((line) => {
    const [, list = ''] = /^\s*Host(?:\s*=|\s)(.*)$/is.exec(line) ?? []
    return list.split(/[\s"]+/)
  })
  return new Set(names.filter((name) => /^[^*?!#]+$/.test(name)))
}

/** Before all else, comments and other files aside: an option above it, for all hosts, would win over ours. */
function isInForce(text: string, line: string): boolean {
  const lines = text.split('\n').map((each) => each.trim())
  const at = lines.indexOf(line)
  return at >= 0 && lines.slice(0, at).every((each) => /^(#|$|include\b)/i.test(each))
}

function withoutLine(text: string, line: string): string {
  return text
    .split('\n')
    .filter((each) => each.trim() !== line)
    .join('\n')
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return ''
    throw fileError('read', path, error)
  }
}

/** The mode stays as it was: some keep the file readable for a group. */
async function replaceConfig(path: string, text: string): Promise<void> {
  await makePrivateDir(dirname(path))
  const there = statSync(path, { throwIfNoEntry: false })
  if (!there && lstatSync(path, { throwIfNoEntry: false }))
    throw fileError('write', path, new Error('it is a link to nowhere'))
  await writeFileAtomic(path, text, { mode: there ? there.mode & 0o777 : 0o600 })
}
