import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ArtefactKind } from '../../../src/contracts/image.js'
import { run } from '../../../src/util/exec.js'
import { writeArtefact } from '../../helpers/artefact.js'
import { bench, hidden, refusal } from '../../helpers/artefact-bench.js'

t.test('a directory, tar, tar.gz, tar.zst and npm package can be imported', async (t) => {
  const { store, options } = bench(t)
  const dir = join(t.testdirName, 'source', 'package', 'artefact')
  const base = join(t.testdirName, 'source')
  for (const [flags, name] of [
    ['-cf', 'a.tar'],
    ['-czf', 'a.tgz'],
    ['--format=pax -cf', 'pax.tar'],
    ['--zstd -cf', 'a.tar.zst'],
  ] as const) {
    const digest = writeArtefact(dir, 'engine', name)
    const file = join(t.testdirName, name)
    const made = await run('tar', [...flags.split(' '), file, '-C', base, 'package'])
    t.equal(made.code, 0, made.stderr)
    const got = await store().import(file, options)
    t.equal(got.id, digest, name)
    t.equal((await store().resolve('engine', options)).id, digest, 'it is the one in use now')
  }
  const digest = writeArtefact(dir, 'engine', 'plain directory')
  t.equal((await store().import(base, options)).id, digest)
  t.ok(existsSync(join(dir, 'manifest.json')), 'the source stays where it is')
  t.match(await refusal(store().import(join(base, 'nothing'), options)), { code: 'not-found' })
})

t.test('an archive that leads out, links, lies or stops early is refused and leaves nothing', async (t) => {
  const { store, options, cacheDir } = bench(t)
  const base = join(t.testdirName, 'source')
  const file = join(t.testdirName, 'bad.tar')
  const tar = async (...args: string[]): Promise<void> => {
    const made = await run('tar', ['-cf', file, ...args])
    t.equal(made.code, 0, made.stderr)
  }
  const rejected = async (message: RegExp): Promise<void> => {
    const error = await refusal(store().import(file, options))
    t.equal(error.code, 'image')
    t.match(error.message, message)
    t.strictSame(hidden(join(cacheDir, 'images')), [])
  }
  writeArtefact(base)
  await tar('-C', base, '--transform=s,^kernel$,../../kernel,', '-P', '.', 'kernel')
  await rejected(/leads out of it/)
  await tar('-C', base, '--transform=s,^kernel$,/tmp/kernel,', '-P', 'kernel', 'manifest.json')
  await rejected(/leads out of it/)
  await run('ln', ['-s', '/etc/passwd', join(base, 'link')])
  await tar('-C', base, '.')
  await rejected(/link or device/)
  rmSync(join(base, 'link'))
  appendFileSync(join(base, 'initramfs'), 'x')
  await tar('-C', base, '.')
  await rejected(/initramfs is damaged/)
  rmSync(join(base, 'initramfs'))
  await tar('-C', base, '.')
  await rejected(/Cannot read .*initramfs/)
  writeArtefact(base)
  await tar('-C', base, '.')
  const whole = readFileSync(file)
  writeFileSync(file, whole.subarray(0, 5000))
  await rejected(/ends too early/)
  writeFileSync(file, 'not an archive at all'.repeat(100))
  await rejected(/not a tar archive/)
  writeFileSync(file, Buffer.concat([Buffer.from('1f8b0800', 'hex'), Buffer.alloc(100)]))
  await rejected(/Cannot unpack/)
  writeFileSync(file, Buffer.alloc(10_240))
  await rejected(/no manifest.json/)
  t.strictSame((await store().list()).length, 0)
})

/** A ustar header. */
function header(name: string, size: number, type: string): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\0' + '00', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

t.test('an archive that is a bomb, or has hard links, devices or a name twice, is refused', async (t) => {
  const { store, options, cacheDir } = bench(t)
  const file = join(t.testdirName, 'bad.tar')
  const outside = join(t.testdirName, 'outside')
  writeFileSync(outside, 'mine')
  const block = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.alloc(512 - text.length)])
  const pax = block('20 comment=nothing..\n')
  const cases: readonly (readonly [RegExp, readonly Buffer[]])[] = [
    [/holds too much/, [header('huge', 8 * 1024 ** 3 - 1, '0')]],
    [/holds too much/, Array.from({ length: 5_000 }, () => [header('x', 20, 'x'), pax]).flat()],
    [/holds too much/, Array.from({ length: 5_000 }, () => [header('g', 20, 'g'), pax]).flat()],
    [/holds too much/, Array.from({ length: 5_000 }, (_, at) => header(`dir${at}`, 0, '5'))],
    [/too large/, [header('x', 1024 ** 2, 'x')]],
    [/link or device/, [header('kernel', 0, '1')]],
    [/link or device/, [header('kernel', 0, '2')]],
    ...['3', '4', '6'].map((type) => [/link or device/, [header('kernel', 0, type)]] as const),
    [/EEXIST/, [header('a', 4, '0'), block('one'), header('a', 4, '0'), block('two')]],
    [/EEXIST|ENOTDIR/, [header('a', 4, '0'), block('one'), header('a/b', 4, '0'), block('two')]],
    [
      /leads out/,
      [header('x', 40, 'x'), block('24 path=a/../../outside\n'), header('a', 4, '0'), block('two')],
    ],
  ]
  for (const [message, blocks] of cases) {
    writeFileSync(file, Buffer.concat([...blocks, Buffer.alloc(1024)]))
    const error = await refusal(store().import(file, options))
    t.match(error, { code: 'image', message })
    t.strictSame(hidden(join(cacheDir, 'images')), [], 'nothing of it is left')
  }
  t.equal(readFileSync(outside, 'utf8'), 'mine')
})

t.test('a link in a directory and a manifest that names a path are refused', async (t) => {
  const { store, options } = bench(t)
  const base = join(t.testdirName, 'source')
  writeArtefact(base)
  renameSync(join(base, 'kernel'), join(t.testdirName, 'kernel'))
  await run('ln', ['-s', '../kernel', join(base, 'kernel')])
  t.match((await refusal(store().import(base, options))).message, /kernel is not a plain file/)
  writeArtefact(base, 'image')
  const manifest = readFileSync(join(base, 'manifest.json'), 'utf8')
  for (const [from, to, message] of [
    ['"name": "kernel"', '"name": "../kernel"', /list of files is missing or odd/],
    ['"name": "kernel"', '"name": "core"', /names no file kernel/],
    ['"kind": "image"', '"kind": "floppy"', /unknown kind/],
    ['"digest": "', '"digest": "0', /digest does not fit/],
    ['"arch": "amd64"', '"arch": "../.."', /"arch" is missing or odd/],
    ['{', '[', /is not usable/],
  ] as const) {
    writeFileSync(join(base, 'manifest.json'), manifest.replace(from, to))
    t.match((await refusal(store().import(base, options))).message, message, to)
  }
})

/** Serves the files of `dir` on 127.0.0.1. */
async function serveFiles(test: Test, dir: string): Promise<string> {
  const server = createServer((request, response) => {
    const file = join(dir, request.url ?? '')
    if (existsSync(file)) response.writeHead(200).end(readFileSync(file))
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function packTo(dir: string, name: string, kind: ArtefactKind, salt: string): Promise<string> {
  mkdirSync(dir, { recursive: true })
  const source = join(dir, `${name}.d`)
  const digest = writeArtefact(source, kind, salt)
  await run('tar', ['-czf', join(dir, name), '-C', source, '.'])
  return digest
}

t.test('a URL can be imported, and its file is not kept', async (t) => {
  const { store, options, cacheDir } = bench(t)
  const site = join(t.testdirName, 'site')
  const digest = await packTo(site, 'i.tgz', 'image', 'served')
  const url = await serveFiles(t, site)
  t.equal((await store().import(`${url}/i.tgz`, options)).id, digest)
  t.strictSame(readdirSync(join(cacheDir, 'downloads')), [])
  t.equal((await refusal(store().import(`${url}/no.tgz`, options))).code, 'not-found')
  const wrong = store().import(`${url}/i.tgz`, { ...options, sha256: '1'.repeat(64) })
  t.match((await refusal(wrong)).message, /not the expected file/)
  const plain = store().import('http://files.invalid/i.tgz', options)
  t.match((await refusal(plain)).message, /over plain http/)
})

t.test('TSMACHINE_IMAGE_URL delivers exactly what our package pins', async (t) => {
  const { store, options, packageRoot, told } = bench(t)
  const site = join(t.testdirName, 'site')
  const digest = await packTo(site, 'i.tgz', 'image', 'released')
  const imageUrl = await serveFiles(t, site)
  const s = store({ imageUrl: `${imageUrl}/` })
  t.match((await refusal(s.resolve('image', options))).message, /has no hash to check/)

  const pin = (file: string, value: string): void =>
    writeFileSync(
      join(packageRoot, 'package.json'),
      JSON.stringify({
        name: 'tsmachine',
        tsmachine: { artefacts: { 'image-amd64': { file, digest: value } } },
      }),
    )
  pin('i.tgz', '2'.repeat(64))
  t.match((await refusal(s.resolve('image', options))).message, /but this tsmachine expects 2222/)
  pin('gone.tgz', digest)
  t.match((await refusal(s.resolve('image', options))).message, /gone.tgz does not exist/)
  t.ok(told.some((event) => event.type === 'warn'))
  pin('i.tgz', digest)
  const got = await s.resolve('image', options)
  t.equal(got.id, digest)
  t.equal((await s.list())[0]?.source, 'url')
})
