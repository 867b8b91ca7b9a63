import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeNewFile } from '../../../src/util/new-file.js'

t.test('a file that exists is written over by force alone, and is for its user alone', async (t) => {
  const file = join(t.testdir({ old: 'old' }), 'old')
  await t.rejects(writeNewFile({ file, force: false }, 'new'), { code: 'exists', hints: [/--force/] })
  t.equal(readFileSync(file, 'utf8'), 'old')
  t.equal(await writeNewFile({ file, force: true }, 'new'), file)
  t.equal(readFileSync(file, 'utf8'), 'new')
  t.equal(statSync(file).mode & 0o777, 0o600)
})

t.test('what is no file is not replaced, with force either', async (t) => {
  const dir = t.testdir({ folder: { kept: '' } })
  const [folder, pipe, link] = [join(dir, 'folder'), join(dir, 'pipe'), join(dir, 'link')]
  execFileSync('mkfifo', [pipe])
  symlinkSync('pipe', link)
  for (const file of [folder, pipe, link])
    await t.rejects(writeNewFile({ file: file, force: true }, 'new'), { message: /exists and is no file/ })
  t.ok(statSync(link).isFIFO())
  t.strictSame(readdirSync(dir).sort(), ['folder', 'link', 'pipe'])
})
