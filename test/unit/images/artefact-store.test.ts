import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ArtefactBuilder } from '../../../src/contracts/image.js'
import { systemClock } from '../../../src/util/clock.js'
import { writeArtefact } from '../../helpers/artefact.js'
import { bench, builder, hidden, installPackage, refusal } from '../../helpers/artefact-bench.js'

t.test('with nothing anywhere the error names all four places and what to do', async (t) => {
  const { store, options } = bench(t)
  const error = await refusal(store().resolve('image', options))
  t.equal(error.code, 'image')
  t.match(error.message, /There is no boot image for amd64/)
  for (const part of [
    /in the cache/,
    /npm package tsmachine-image-amd64/,
    /TSMACHINE_IMAGE_URL/,
    /cannot be built/,
  ])
    t.match(error.message, part)
  t.match(error.hints.join(' '), /tsmachine image build.*npm install tsmachine-image-amd64/)
})

t.test('the cache is asked before the package, the package before a build', async (t) => {
  const { store, options, packageRoot } = bench(t)
  const packaged = installPackage(packageRoot, 'image')
  const build = builder()
  const first = await store({ builder: build }).resolve('image', options)
  t.equal(first.id, packaged)
  t.match(first.dir, /cache\/images/, 'it is copied: removing the package must not break machines')
  installPackage(packageRoot, 'image', 'newer')
  t.equal((await store({ builder: build }).resolve('image', options)).id, packaged)
  t.equal((await store({ builder: build }).resolve('engine', options)).kind, 'engine')
  t.equal(build.requests.length, 1, 'only the engine had to be built')
  t.strictSame(Object.keys(first.files).sort(), ['engine.squashfs', 'initramfs', 'kernel'])
  t.ok(existsSync(first.files['kernel'] ?? ''))
})

t.test('the folder where the command runs is not searched for packages', async (t) => {
  const { store, options } = bench(t)
  const here = join(t.testdirName, 'work')
  installPackage(join(here, 'node_modules', 'tsmachine'), 'image')
  const before = process.cwd()
  process.chdir(here)
  t.teardown(() => process.chdir(before))
  t.equal((await refusal(store().resolve('image', options))).code, 'image')
})

t.test('two at once build one artefact, and nothing else stays in the cache', async (t) => {
  const { store, options, cacheDir } = bench(t)
  const build = builder(200)
  const [one, two] = await Promise.all([
    store({ builder: build }).resolve('engine', options),
    store({ builder: build }).resolve('engine', options),
  ])
  t.equal(one.id, two.id)
  t.equal(build.requests.length, 1)
  t.strictSame(hidden(join(cacheDir, 'images')), [])
})

t.test('a failed or broken build leaves nothing behind and says why', async (t) => {
  const { store, options, cacheDir } = bench(t)
  const failing: ArtefactBuilder = {
    unavailable: async () => undefined,
    build: async () => {
      throw new Error('module virtio_blk is missing')
    },
  }
  const error = await refusal(store({ builder: failing }).resolve('image', options))
  t.equal(error.code, 'image')
  t.match(error.message, /Building the boot image failed: module virtio_blk is missing/)
  const lying: ArtefactBuilder = {
    ...failing,
    build: async ({ out }) => {
      writeArtefact(out)
      appendFileSync(join(out, 'kernel'), 'x')
      return out
    },
  }
  t.match((await refusal(store({ builder: lying }).resolve('image', options))).message, /kernel is damaged/)
  t.strictSame(readdirSync(join(cacheDir, 'images')), [])
})

t.test('a build that cannot run here is a reason, and stopping it is not an image error', async (t) => {
  const { store, options } = bench(t)
  const none: ArtefactBuilder = { unavailable: async () => 'apt-get is not installed', build: async () => '' }
  t.match(
    (await refusal(store({ builder: none }).resolve('image', options))).message,
    /apt-get is not installed/,
  )
  t.match(
    (await refusal(store({ builder: none }).build('image', options))).message,
    /apt-get is not installed/,
  )
  const stop = new AbortController()
  const reason = new Error('interrupted')
  const slow: ArtefactBuilder = {
    unavailable: async () => undefined,
    build: async ({ signal }) => {
      stop.abort(reason)
      await systemClock.sleep(10_000, signal)
      return ''
    },
  }
  const work = store({ builder: slow }).resolve('image', { ...options, signal: stop.signal })
  t.equal(await refusal(work), reason)
})

t.test('build makes a new one and new machines get it, until another is chosen', async (t) => {
  const { store, options } = bench(t)
  const s = store({ builder: builder() })
  const first = await s.build('image', options)
  const second = await s.build('image', options)
  t.not(first.id, second.id)
  t.equal((await s.resolve('image', options)).id, second.id)
  await s.use(first.id.slice(0, 12))
  t.equal((await s.resolve('image', options)).id, first.id)
  t.strictSame(
    (await s.list()).map(({ id, current, source }) => ({ id, current, source })),
    [
      { id: first.id, current: true, source: 'built' },
      { id: second.id, current: false, source: 'built' },
    ],
  )
  await s.remove(first.version)
  t.equal((await s.resolve('image', options)).id, second.id, 'the choice went with it')
  t.match((await refusal(s.inspect('zzz'))).message, /no artefact "zzz"/)
  t.match((await refusal(s.remove(''))).message, /no artefact/)
})

t.test('an id that fits two is refused', async (t) => {
  const { store, options } = bench(t)
  const s = store({ builder: builder() })
  const ids: string[] = []
  while (new Set(ids.map((id) => id[0])).size === ids.length) ids.push((await s.build('image', options)).id)
  const last = ids.at(-1) ?? ''
  t.match((await refusal(s.inspect(last.slice(0, 1)))).message, /fits 2 artefacts/)
})

t.test('a damaged entry is reported, passed over, and replaced by the next good copy', async (t) => {
  const { store, options, packageRoot, told } = bench(t)
  const packaged = installPackage(packageRoot, 'image')
  const first = await store().resolve('image', options)
  writeFileSync(first.files['kernel'] ?? '', 'broken')
  const again = await store().resolve('image', options)
  t.equal(again.id, packaged)
  t.match(readFileSync(again.files['kernel'] ?? '', 'utf8'), /^kernel packaged/)
  t.match(told, [{ type: 'info' }, { type: 'warn', text: /kernel is damaged.*not used/ }, { type: 'info' }])
})

t.test('a byte that was changed with size and time kept is noticed at the next use', async (t) => {
  const { store, options, told, cacheDir } = bench(t)
  const { files } = await store({ builder: builder() }).build('image', options)
  const kernel = files['kernel'] ?? ''
  const { mtimeNs } = statSync(kernel, { bigint: true })
  const times = join(cacheDir, 'times')
  execFileSync('touch', ['-r', kernel, times])
  writeFileSync(kernel, `X${readFileSync(kernel, 'utf8').slice(1)}`)
  execFileSync('touch', ['-r', times, kernel])
  t.equal(statSync(kernel, { bigint: true }).mtimeNs, mtimeNs)
  t.match((await refusal(store().resolve('image', options))).message, /none is in the cache/)
  t.match(told.at(-1), { type: 'warn', text: /kernel is damaged/ })
})

t.test('so is another file in the place of one, and a link', async (t) => {
  for (const put of [copyFileSync, symlinkSync, linkSync]) {
    const { store, options, told, cacheDir } = bench(t)
    const { files } = await store({ builder: builder() }).build('image', options)
    const kernel = files['kernel'] ?? ''
    const other = join(cacheDir, 'other')
    writeFileSync(other, `X${readFileSync(kernel, 'utf8').slice(1)}`)
    execFileSync('touch', ['-r', kernel, other])
    rmSync(kernel)
    put(other, kernel)
    t.match((await refusal(store().resolve('image', options))).message, /none is in the cache/, put.name)
    t.match(told.at(-1), { type: 'warn', text: /kernel is damaged|not a plain file/ }, put.name)
  }
})

t.test(
  'another artefact under the name of one is not opened for a machine that was made with it',
  async (t) => {
    const { store, options } = bench(t)
    const { dir, id } = await store({ builder: builder() }).build('image', options)
    writeArtefact(dir, 'image', 'forged')
    t.match((await refusal(store().open(id))).message, /holds another artefact/)
  },
)

t.test('a cache that others may write to is not used, and what is taken in is private', async (t) => {
  const { store, options, cacheDir } = bench(t)
  const old = process.umask(0)
  t.teardown(() => process.umask(old))
  const { dir, id } = await store({ builder: builder() }).build('image', options)
  process.umask(old)
  for (const name of ['', ...readdirSync(dir)]) t.equal(statSync(join(dir, name)).mode & 0o077, 0, name)
  const images = join(cacheDir, 'images')
  chmodSync(images, 0o770)
  const refused = { code: 'store', message: /images belongs to somebody else, or others may write/ }
  await t.rejects(store().resolve('image', options), refused)
  await t.rejects(store().open(id), refused)
  await t.rejects(store().list(), refused)
  chmodSync(images, 0o755)
  t.equal((await store().resolve('image', options)).id, id)
})

t.test('files that nobody touched are not read again', async (t) => {
  const { store, options } = bench(t)
  const { files, dir, id } = await store({ builder: builder() }).build('image', options)
  const kernel = files['kernel'] ?? ''
  // Other bytes, and a note that these were checked: only a full check would see it.
  writeFileSync(kernel, `X${readFileSync(kernel, 'utf8').slice(1)}`)
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(kernel, { bigint: true })
  const noteFile = join(dir, '.verified.json')
  const note = JSON.parse(readFileSync(noteFile, 'utf8')) as { files: Record<string, string> }
  note.files['kernel'] = [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  writeFileSync(noteFile, JSON.stringify(note))
  t.equal((await store().resolve('image', options)).id, id)
})

t.test(
  'an entry under a wrong name, half an entry and an unknown schema are rows with an error',
  async (t) => {
    const { store, options, cacheDir } = bench(t)
    const s = store({ builder: builder() })
    const good = await s.build('image', options)
    const images = join(cacheDir, 'images')
    writeArtefact(join(images, 'a'.repeat(64)))
    mkdirSync(join(images, 'b'.repeat(64)))
    mkdirSync(join(images, 'c'.repeat(64)))
    writeFileSync(join(images, 'c'.repeat(64), 'manifest.json'), '{"schema":2}')
    const rows = await s.list()
    t.equal(rows.length, 4)
    t.match(
      rows.filter((row) => row.error).map((row) => row.error),
      [/holds another artefact/, /Cannot read/, /another version of tsmachine/],
    )
    t.equal((await s.resolve('image', options)).id, good.id)
    await s.remove('bbbb')
    t.equal((await s.list()).length, 3)
  },
)

t.test('scratch directories of killed processes are swept after a day', async (t) => {
  const { store, options, cacheDir } = bench(t)
  const old = join(cacheDir, 'images', '.staging-old')
  mkdirSync(old, { recursive: true })
  utimesSync(old, new Date(0), new Date(0))
  const young = join(cacheDir, 'images', '.staging-new')
  mkdirSync(young)
  await store({ builder: builder(), clock: systemClock }).build('image', options)
  t.notOk(existsSync(old))
  t.ok(existsSync(young), 'another process may be working in it')
})
