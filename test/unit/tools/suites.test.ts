import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../../src/util/paths.js'
import { everything, type Part, rootAdvice, select, withoutRoot } from '../../../tools/suites.js'

const limits = { jobs: 1, limitS: 1, images: false }
const BRIDGE = 'test/e2e/network.test.ts'
const ALL: readonly Part[] = [
  { suite: { name: 'unit', ...limits }, files: ['test/unit/a.test.ts', 'test/unit/b.test.ts'] },
  { suite: { name: 'e2e', ...limits }, files: ['test/e2e/main.test.ts', BRIDGE] },
]

function filesOf(...words: string[]): readonly string[] {
  return select(ALL, words).parts.flatMap(({ files }) => files)
}

t.test('no word means all, and a word a suite or a file', async (t) => {
  t.strictSame(select(ALL, []), { parts: ALL, unknown: [] })
  t.strictSame(filesOf('unit'), ['test/unit/a.test.ts', 'test/unit/b.test.ts'])
  for (const word of [
    'test/unit/b.test.ts',
    './test/unit/b.test.ts',
    join(packageRoot(), 'test/unit/b.test.ts'),
  ])
    t.strictSame(filesOf(word), ['test/unit/b.test.ts'], word)
  t.strictSame(filesOf('unit', BRIDGE), ['test/unit/a.test.ts', 'test/unit/b.test.ts', BRIDGE])
})

t.test('a word that names nothing is told, also beside others that do', async (t) => {
  t.strictSame(select(ALL, ['unit', 'typo.test.ts']).unknown, ['typo.test.ts'])
  t.strictSame(select(ALL, ['a.test.ts', 'test/unit']).unknown, ['a.test.ts', 'test/unit'])
})

t.test('an ordinary user is told what needs root, and two commands', async (t) => {
  t.equal(rootAdvice(ALL, 0), undefined)
  t.equal(rootAdvice(select(ALL, ['unit']).parts, 1000), undefined)
  const advice = rootAdvice(ALL, 1000) ?? ''
  t.match(advice, `${BRIDGE}  (makes a bridge)`)
  t.match(advice, /^ {2}sudo env "PATH=\$PATH" npm test$/m)
  t.match(advice, /^ {2}npm test -- --no-root$/m)
})

t.test('an ordinary user can leave out what needs root', async (t) => {
  t.strictSame(
    withoutRoot(ALL).flatMap(({ files }) => files),
    [...(ALL[0]?.files ?? []), 'test/e2e/main.test.ts'],
  )
  t.strictSame(withoutRoot(select(ALL, [BRIDGE]).parts), [])
})

t.test('the suites are those of this repository, and the files that need root are there', async (t) => {
  const all = everything()
  t.strictSame(
    all.map(({ suite }) => suite.name),
    ['unit', 'contract', 'integration', 'e2e', 'chaos'],
  )
  t.ok(
    all.every(
      ({ files }) => files.length > 0 && files.every((file) => existsSync(join(packageRoot(), file))),
    ),
  )
  t.match(rootAdvice(all, 1000), BRIDGE)
  t.equal(rootAdvice(withoutRoot(all), 1000), undefined)
})
