import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ArtefactStore } from '../../src/images/artefact-store.js'
import { run } from '../../src/util/exec.js'
import { packageRoot } from '../../src/util/paths.js'
import { writeArtefact } from '../helpers/artefact.js'

const dir = t.testdir()
const digests = {
  image: writeArtefact(join(dir, 'build', 'image'), 'image'),
  engine: writeArtefact(join(dir, 'build', 'engine'), 'engine'),
}
const out = join(dir, 'packages')
const options = { signal: new AbortController().signal, report: () => undefined }
const tool = ['--import', 'tsx', 'tools/package-image.ts']

const made = await run(process.execPath, [...tool, '--from', join(dir, 'build'), '--out', out], {
  cwd: packageRoot(),
  deadlineMs: 60_000,
})
const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
  version: string
}
const names = [`tsmachine-image-amd64-${version}.tgz`, `tsmachine-engine-amd64-${version}.tgz`] as const

t.test('both packages and their hashes are made, and nothing else is left', async (t) => {
  t.equal(made.code, 0, made.stderr)
  t.strictSame(readdirSync(out).sort(), [...names, 'pins.json'].sort())
  t.strictSame(JSON.parse(readFileSync(join(out, 'pins.json'), 'utf8')), {
    'image-amd64': { file: names[0], digest: digests.image },
    'engine-amd64': { file: names[1], digest: digests.engine },
  })
})

t.test('npm installs them without a script, and a tsmachine beside them finds both', async (t) => {
  const app = join(dir, 'app')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true}')
  const files = names.map((name) => join(out, name))
  const installed = await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...files], {
    cwd: app,
  })
  t.equal(installed.code, 0, installed.stderr)
  const image = join(app, 'node_modules', 'tsmachine-image-amd64')
  t.strictSame(readdirSync(image).sort(), [
    'LICENSES.md',
    'README.md',
    'artefact',
    'package.json',
    'sbom.cdx.json',
  ])
  const sbom: unknown = JSON.parse(readFileSync(join(image, 'sbom.cdx.json'), 'utf8'))
  t.match(sbom, { metadata: { component: { properties: [{ value: digests.image }] } } })
  t.notMatch(JSON.parse(readFileSync(join(image, 'package.json'), 'utf8')), { scripts: Object })
  const own = join(app, 'node_modules', 'tsmachine')
  mkdirSync(own)
  writeFileSync(join(own, 'package.json'), '{"name":"tsmachine"}')
  const store = new ArtefactStore({ cacheDir: join(dir, 'cache'), packageRoot: own })
  t.equal((await store.resolve('image', options)).id, digests.image)
  t.equal((await store.resolve('engine', options)).id, digests.engine)
  t.equal((await store.list())[0]?.source, 'package')
})

t.test('a package file can be imported by itself', async (t) => {
  const store = new ArtefactStore({ cacheDir: join(dir, 'cache-2'), packageRoot: dir })
  t.equal((await store.import(join(out, names[1]), options)).id, digests.engine)
})

t.test('a damaged build is not packed', async (t) => {
  const bad = join(dir, 'bad')
  for (const kind of ['image', 'engine'] as const) writeArtefact(join(bad, kind), kind)
  writeFileSync(join(bad, 'image', 'kernel'), 'other')
  const refused = await run(process.execPath, [...tool, '--from', bad, '--out', join(dir, 'none')], {
    cwd: packageRoot(),
  })
  t.not(refused.code, 0)
  t.match(refused.stderr, /kernel is damaged/)
  t.strictSame(readdirSync(join(dir, 'none')), [])
})
