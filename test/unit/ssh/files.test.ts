import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copyTree } from '../../../src/ssh/files/copy.js'
import { expandPattern, partPattern } from '../../../src/ssh/files/glob.js'
import { LocalFiles } from '../../../src/ssh/files/local.js'
import { scratchDir } from '../../helpers/driver-deps.js'

const signal = new AbortController().signal

/** [pattern, names that match, names that do not] */
const PATTERNS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['*.log', ['.log', 'a b.log', 'a\nb.log'], ['a.logs']],
  ['a?c', ['abc', 'a.c', 'aüc', 'a😀c'], ['ac', 'abbc']],
  ['[a-c][!0-9]', ['ab', 'c-'], ['a1', 'db']],
  ['[]x]', [']', 'x'], ['[', 'a']],
  ['[^a].\\*', ['b.*'], ['a.*', 'b.x']],
  ['x[', ['x['], ['x']],
  ['(a|b)+$', ['(a|b)+$'], ['ab', 'a']],
  ['[a^\\]', ['a', '^', '\\'], ['b']],
  ['[z-a]x', [], ['zx', 'x', 'bx']],
]

t.test('patterns are those of glob(7)', async (t) => {
  for (const [pattern, good, bad] of PATTERNS) {
    for (const name of good) t.match(name, partPattern(pattern), `${pattern} ${name}`)
    for (const name of bad) t.notMatch(name, partPattern(pattern), `${pattern} ${name}`)
  }
})

t.test('a pattern expands part by part; what matches nothing is a name', async (t) => {
  const dir = scratchDir(t)
  for (const path of ['a/1', 'b/1', 'b/2', '.c/1']) mkdirSync(join(dir, path), { recursive: true })
  const files = new LocalFiles()
  const expand = async (pattern: string) =>
    (await expandPattern(files, join(dir, pattern))).map((path) => path.slice(dir.length + 1))
  t.strictSame(await expand('*/1'), ['a/1', 'b/1'])
  t.strictSame(await expand('.*/1'), ['.c/1'])
  t.strictSame(await expand('b/*'), ['b/1', 'b/2'])
  t.strictSame(await expand('x*/[12]'), ['x*/[12]'])
})

t.test('a host that sends names with paths in them writes nowhere else', async (t) => {
  const dir = scratchDir(t)
  mkdirSync(join(dir, 'from'))
  writeFileSync(join(dir, 'from', 'good'), 'good')
  writeFileSync(join(dir, 'evil'), 'evil')
  class Hostile extends LocalFiles {
    override names = () => Promise.resolve(['../evil', '..', '.', '', '/etc/passwd', 'good'])
  }
  const to = join(dir, 'deep', 'to')
  mkdirSync(to, { recursive: true })
  const copying = copyTree(
    { files: new Hostile(), path: join(dir, 'from') },
    { files: new LocalFiles(), path: to },
    { recursive: true, signal },
  )
  await t.rejects(copying, { message: /impossible name "\.\.\/evil"/ })
  t.strictSame(readdirSync(join(dir, 'deep')), ['to'])
  t.strictSame(readdirSync(join(to, 'from')), ['good'])
})

t.test('a copy into a link, a pipe’s like and its own source', async (t) => {
  const dir = scratchDir(t)
  const files = new LocalFiles()
  const copy = (from: string, to: string) =>
    copyTree({ files, path: join(dir, from) }, { files, path: to }, { recursive: false, signal })
  writeFileSync(join(dir, 'file'), 'new')
  writeFileSync(join(dir, 'old'), 'old', { mode: 0o604 })
  symlinkSync('old', join(dir, 'link'))
  await copy('file', join(dir, 'link'))
  t.equal(readFileSync(join(dir, 'old'), 'utf8'), 'new', 'the link leads to the new content')
  await copy('file', join(dir, 'file'))
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'new')
  t.match(await copy('file', '/dev/null'), { files: 1, bytes: 3 })
  t.strictSame(readdirSync(dir).sort(), ['file', 'link', 'old'], 'nothing else is left')
  symlinkSync('.', join(dir, 'loop'))
  await t.rejects(
    copyTree({ files, path: dir }, { files, path: join(scratchDir(t), 'to') }, { recursive: true, signal }),
    { message: /Too deep|ELOOP|too many symbolic links/i },
  )
})
