import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../src/util/clock.js'
import { sweepFile } from '../../../src/util/abandoned.js'
import { temporaryOf } from '../../../src/util/atomic-file.js'
import { writeFirst } from '../../../src/util/first-file.js'

t.test('of many that make a file at once the first wins, and nothing is left beside it', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'id')
  await Promise.all(['a', 'b', 'c', 'd'].map((text) => writeFirst(path, text)))
  const first = readFileSync(path, 'utf8')
  t.match(first, /^[abcd]$/)
  await writeFirst(path, 'e')
  t.equal(readFileSync(path, 'utf8'), first)
  t.strictSame(readdirSync(dir), ['id'])
})

t.test('what a killed writer leaves has a name that is swept', async (t) => {
  const path = temporaryOf(join(t.testdir(), 'id'))
  writeFileSync(path, 'half')
  const later = { ...systemClock, now: () => new Date(Date.now() + 2 * 3_600_000) }
  t.notOk(await sweepFile(path, systemClock), 'somebody may be writing it')
  t.ok(await sweepFile(path, later))
})

t.test('a place that cannot be written to is told', async (t) => {
  const path = join(t.testdir(), 'id')
  mkdirSync(path)
  await writeFirst(path, 'x')
  t.strictSame(readdirSync(path), [], 'what is there stays')
  const file = join(t.testdir({ file: '' }), 'file')
  await t.rejects(writeFirst(join(file, 'id'), 'x'), { code: 'store' })
})
