import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageEntry } from '../../../../src/drivers/package/entry.js'

function folder(t: Test, manifest: unknown, files: readonly string[]): string {
  const dir = t.testdir({
    'package.json': typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
  })
  for (const file of files) {
    mkdirSync(join(dir, file, '..'), { recursive: true })
    writeFileSync(join(dir, file), '')
  }
  return dir
}

const MANIFESTS: readonly (readonly [object, string])[] = [
  [{}, 'index.js'],
  [{ main: 'lib/a.js' }, 'lib/a.js'],
  [{ main: 'lib/a.js', exports: './b.js' }, 'b.js'],
  [{ exports: { '.': './b.js', './more': './c.js' } }, 'b.js'],
  [{ exports: { types: './x.d.ts', default: './b.js' } }, 'b.js'],
  [{ exports: { '.': { types: './x.d.ts', require: './c.cjs', import: { node: './b.js' } } } }, 'b.js'],
]

for (const [manifest, file] of MANIFESTS)
  t.test(`a package with ${JSON.stringify(manifest)} begins with ${file}`, async (t) => {
    const dir = folder(t, { name: 'a', version: '1.2.3', ...manifest }, [file])
    t.strictSame(packageEntry(dir), { file: join(dir, file), packageName: 'a', version: '1.2.3' })
  })

t.test('a file is its own entry', async (t) => {
  const dir = folder(t, {}, ['a.js'])
  t.strictSame(packageEntry(join(dir, 'a.js')), { file: join(dir, 'a.js') })
})

t.test('what cannot be a package is refused with the reason', async (t) => {
  const refused = (path: string, message: RegExp): void => {
    t.throws(() => packageEntry(path), { code: 'driver', message })
  }
  refused('/none/such', /there is nothing of that name/)
  refused(t.testdir({}), /it has no package\.json/)
  refused(folder(t, '{', []), /is not a JSON object/)
  refused(folder(t, '[]', []), /is not a JSON object/)
  refused(folder(t, { main: 'dist/a.js' }, []), /names dist\/a\.js, which is not there/)
})
