/** Archives, manifests and sealed files that somebody gives us: unpacked below one folder, or refused in words. */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { ManifestFile } from '../../../src/contracts/image.js'
import { Secret } from '../../../src/contracts/secrets.js'
import { unpackArchive } from '../../../src/images/import.js'
import { digestOf, parseManifest, readManifest } from '../../../src/images/manifest.js'
import { openDocument } from '../../../src/store/sealed-file.js'
import { writeArtefact } from '../../helpers/artefact.js'
import { forAll, hostileJson, hostileText, refusedOr, refusedOrLater } from '../../helpers/properties.js'

const BLOCK = 512

/** One entry as tar writes it; fields are cut to their places. */
function entry(name: string, type: string, body: Buffer, size = body.length): Buffer {
  const head = Buffer.alloc(BLOCK)
  head.write(name, 0, 100)
  head.write('0000644\0', 100)
  head.write(`${size.toString(8).slice(-11).padStart(11, '0')}\0`, 124)
  head.write(type, 156, 1, 'latin1')
  head.write('ustar\u000000', 257)
  head.fill(' ', 148, 156)
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([head, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)])
}

/** A record of a pax header. */
function record(key: string, value: string): string {
  const text = ` ${key}=${value}\n`
  const length = Buffer.byteLength(text)
  return `${length + String(length + String(length).length).length}${text}`
}

const names = hostileText('../', 'a/', 'package/', './', '/etc/', 'kernel', '..', 'manifest.json')
const types = fc.constantFrom(
  '0',
  '0',
  '0',
  '5',
  '\0',
  '7',
  '1',
  '2',
  '3',
  '4',
  '6',
  'L',
  'K',
  'x',
  'g',
  'S',
  'Z',
)
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
  names.map((name) => Buffer.from(name)),
  fc.tuple(fc.constantFrom('path', 'size', 'linkpath', '__proto__'), names).map(([key, value]) => {
    return Buffer.from(record(key, value))
  }),
)
const sizes = fc.option(fc.constantFrom(0, 1, 511, 513, 65_537, 2 ** 33 - 1), { nil: undefined, freq: 6 })
const entries = fc
  .tuple(names, types, bodies, sizes)
  .map(([name, type, body, size]) => entry(name, type, body, size))
const archives = fc
  .tuple(fc.array(entries, { maxLength: 4 }), fc.option(fc.nat(4_000), { freq: 4 }))
  .map(([all, cut]) => {
    const whole = Buffer.concat([...all, Buffer.alloc(2 * BLOCK)])
    return cut === null ? whole : whole.subarray(0, cut)
  })

const base = mkdtempSync(join(tmpdir(), 'tsm-archives-'))
t.teardown(() => rmSync(base, { recursive: true, force: true }))

/** What lies below, whatever its name is. */
function below(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
}

t.test('any archive is unpacked into its folder, or refused', async (t) => {
  const file = join(base, 'given.tar')
  const into = join(base, 'one', 'two', 'into')
  let unpacked = 0
  const check = async (bytes: Buffer): Promise<void> => {
    rmSync(join(base, 'one'), { recursive: true, force: true })
    mkdirSync(into, { recursive: true })
    writeFileSync(file, bytes)
    const done = await refusedOrLater(async () => {
      await unpackArchive(file, into)
      return true
    })
    if (done && below(into).length > 0) unpacked++
    const outside = [
      ...readdirSync(base),
      ...readdirSync(join(base, 'one')),
      ...readdirSync(join(base, 'one', 'two')),
    ]
    if (outside.sort().join() !== 'given.tar,into,one,two') throw new Error(`outside: ${outside.join()}`)
    for (const name of below(into)) {
      const found = lstatSync(join(into, name))
      if (!found.isFile() && !found.isDirectory()) throw new Error(`${name} is neither file nor folder`)
      if (found.isFile() && (found.mode & 0o777) !== 0o600) throw new Error(`${name} has mode ${found.mode}`)
    }
  }
  const long = (type: string, name: string) => [
    entry('x', type, Buffer.from(name)),
    entry('a', '0', Buffer.from('b')),
  ]
  const examples = [
    Buffer.concat(long('L', '../../out')),
    Buffer.concat(long('x', record('path', '../out'))),
    Buffer.concat(long('x', record('path', 'a'.repeat(5_000)))),
    Buffer.concat([entry('a', '0', Buffer.from('b')), entry('a/b', '0', Buffer.from('c'))]),
    Buffer.concat([entry('.', '0', Buffer.from('b'))]),
  ]
  await forAll(t, 'archives', archives, check, { slower: 2, examples })
  t.ok(unpacked > 2, `${unpacked} were unpacked`)
})

t.test('any manifest names plain files, or is refused', async (t) => {
  const dir = join(base, 'artefact')
  writeArtefact(dir)
  const text = readFileSync(join(dir, 'manifest.json'), 'utf8')
  const good = JSON.parse(text) as Record<string, unknown> & { files: ManifestFile[] }
  const keys = Object.keys(good)
  const changed = fc
    .tuple(fc.constantFrom(...keys), hostileJson('name', 'size', 'sha256'))
    .map(([key, value]) => ({ ...good, [key]: value }))
  const named = fc.tuple(names, hostileJson()).map(([name, size]) => {
    const files = [
      ...good.files,
      { ...good.files[0], name, ...(size === null ? {} : { size }) } as ManifestFile,
    ]
    return { ...good, files, digest: digestOf(files) }
  })
  const texts = fc.oneof(
    changed.map((value) => JSON.stringify(value)),
    named.map((value) => JSON.stringify(value)),
    hostileJson(...keys).map((value) => JSON.stringify(value)),
    hostileText('{"schema":1,', '}'),
  )
  const examples = [{ toString: 1 }, { toString: 1, valueOf: 1 }, null, 'x'.repeat(70_000)].map((schema) =>
    JSON.stringify({ ...good, schema }),
  )
  await forAll(
    t,
    'manifests',
    texts,
    (one) => {
      const manifest = refusedOr(() => parseManifest(one, 'manifest.json'))
      for (const { name, size, sha256 } of manifest?.files ?? [])
        if (
          !/^[A-Za-z0-9][\w.-]*$/.test(name) ||
          !Number.isSafeInteger(size) ||
          !/^[0-9a-f]{64}$/.test(sha256)
        )
          throw new Error(JSON.stringify({ name, size, sha256 }))
      for (const word of [manifest?.arch, manifest?.version, manifest?.digest])
        if (word !== undefined && !/^[A-Za-z0-9][\w.-]*$/.test(word)) throw new Error(word)
    },
    { examples },
  )
  t.same(parseManifest(text, 'manifest.json').files, good.files)
  writeFileSync(join(dir, 'manifest.json'), Buffer.alloc(17 * 1024 * 1024, ' '))
  await t.rejects(readManifest(dir), { code: 'image', message: /bytes, which no manifest has/ })
})

t.test('any file is an export that the passphrase opens, or is refused', async (t) => {
  const passphrase = new Secret('correct horse')
  const [salt, nonce] = [Buffer.alloc(16).toString('base64'), Buffer.alloc(12).toString('base64')]
  const parameters = { kdf: 'scrypt', N: 2, r: 1, p: 1, salt, nonce }
  const magic = 'tsmachine-export 1'
  const body = Buffer.alloc(100, 7)
  const withLine = (value: unknown): Buffer =>
    Buffer.concat([Buffer.from(`${magic}\n${JSON.stringify(value)}\n`), body])
  const given = fc.oneof(
    fc
      .tuple(fc.constantFrom('kdf', 'r', 'p', 'salt', 'nonce'), hostileJson())
      .map(([key, value]) => withLine({ ...parameters, [key]: value })),
    hostileJson('N', 'r', 'p', 'salt', 'nonce').map(withLine),
    hostileText(`${magic}\n`, '{}\n').map((text) => Buffer.from(text)),
  )
  const examples = [1, 3, 1_000, 131_071, 2 ** 21, '2'].map((N) => withLine({ ...parameters, N }))
  await forAll(
    t,
    'sealed files',
    given,
    async (file) => (await refusedOrLater(() => openDocument(file, passphrase))) === undefined,
    { examples },
  )
  for (const file of [...examples, withLine({ ...parameters, r: 8 })])
    await t.rejects(openDocument(file, passphrase), { code: 'store' })
})
