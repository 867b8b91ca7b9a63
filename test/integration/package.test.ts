/** What npm packs: its size, that it runs without the registry, and whose licences it has. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../src/util/exec.js'
import { packageRoot } from '../../src/util/paths.js'
import { bundle } from '../../tools/bundle.mjs'
import { bundledPackages } from '../../tools/licences.mjs'
import { TestUser } from '../helpers/cli.js'
import { type Sbom, sbomFaults } from '../helpers/sbom.js'

t.setTimeout(600_000)

const MAX_BYTES = 6 * 1024 * 1024
const user = new TestUser()
const app = join(user.home, 'app')
const installed = join(app, 'node_modules/tsmachine')
t.teardown(() => rmSync(user.home, { recursive: true, force: true }))

/** All that may be in it. */
const ALLOWED: readonly RegExp[] = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|oclif\.manifest\.json)$/,
  /^bin\/[\w-]+\.cjs$/,
  /^dist\/(main|fast|helper|import)\.cjs$/,
  /^dist\/vendor\/(axios|client-ec2|node-forge|ssh2)\.cjs$/,
  /^dist\/(THIRD-PARTY-LICENSES\.txt|sbom\.cdx\.json)$/,
  /^dist\/driver\/[\w-]+\.js$/,
  /^dist\/driver\/types\/src\/[\w/-]+\.d\.ts$/,
  /^provision\/[\w/-]+\.sh$/,
  /^image-build\/guest\/(bin|etc|initramfs|lib)\/[\w./-]+$/,
  /^image-build\/(packages|modules)\/[\w-]+\.list$/,
  /^templates\/driver\/(gitignore|README\.md|package\.json|tsconfig\.json)$/,
  /^templates\/driver\/(src|test)\/[\w.-]+\.ts$/,
]

/** What must be in no file: keys and tokens with their content, not the words by which programs know them. */
const SECRETS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64}/,
  /\b(dop|doo|dor)_v1_[0-9a-f]{64}\b/,
  /\bAKIA(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b/,
  /\b(npm|ghp|gho)_[A-Za-z0-9]{36}\b/,
  /["']_authToken["']?\s*[:=]\s*["'][^"']{8}/,
]

t.test('it is packed and installs in an empty folder without the registry', async (t) => {
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', user.home]
  const packed = await run('npm', pack, { cwd: packageRoot(), deadlineMs: 120_000 })
  const [{ filename = '', unpackedSize = Infinity, files = [] } = {}] = JSON.parse(packed.stdout) as {
    filename: string
    unpackedSize: number
    files: { path: string }[]
  }[]
  const paths = files.map(({ path }) => path)
  t.ok(paths.length > 90, `${paths.length} files`)
  t.strictSame(
    paths.filter((path) => !ALLOWED.some((allowed) => allowed.test(path))),
    [],
    'no file but those that it needs',
  )
  t.ok(unpackedSize <= MAX_BYTES, `${unpackedSize} bytes unpacked`)
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true}')
  const words = ['install', '--offline', '--omit=optional', '--no-audit', '--no-fund', '--ignore-scripts']
  const done = await run('npm', [...words, join(user.home, filename)], { cwd: app, deadlineMs: 120_000 })
  t.equal(done.code, 0, done.stderr)
  t.strictSame(
    readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['tsmachine'],
    'and nothing else',
  )
  t.ok(sizeOf(installed) <= MAX_BYTES)
})

t.test('no file of it has a secret, a link, or a path of the computer that it was made on', (t) => {
  const found = readdirSync(installed, { recursive: true, withFileTypes: true })
  t.strictSame(
    found.filter((entry) => !entry.isFile() && !entry.isDirectory()).map(({ name }) => name),
    [],
  )
  for (const entry of found.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const text = readFileSync(path, 'latin1')
    const bad = SECRETS.find((secret) => secret.test(text))
    if (bad) t.fail(`${path} has ${bad.source}`)
    // npm notes in the copy where it came from.
    if (entry.name !== 'package.json' && text.includes(packageRoot()))
      t.fail(`${path} names ${packageRoot()}`)
  }
  t.ok(SECRETS[0]?.test(`-----BEGIN PRIVATE KEY-----\n${'MIIE'.repeat(16)}`), 'a key would be seen')
  t.end()
})

t.test('it runs there: the short way, the whole program, and each library', async (t) => {
  const tsmachine = async (...args: string[]): Promise<string> => {
    const result = await user.run(join(app, 'node_modules/.bin/tsmachine'), args)
    t.equal(result.code, 0, result.stderr)
    return result.stdout
  }
  t.match(await tsmachine('--version'), /^tsmachine version /)
  await tsmachine('create', '-d', 'none', '--url', 'tcp://192.0.2.7:2376', 'web')
  t.equal(await tsmachine('ip', 'web'), '192.0.2.7\n')
  t.match(await tsmachine('create', '--driver', 'amazonec2', '--help'), /--amazonec2-region/)
  const vendor = join(installed, 'dist/vendor')
  for (const file of readdirSync(vendor)) {
    const loaded = await user.run(process.execPath, ['-e', 'require(process.argv[1])', join(vendor, file)])
    t.equal(loaded.code, 0, `${file}: ${loaded.stderr}`)
  }
})

t.test('every package that went into its program files is named with its terms', async (t) => {
  const text = readFileSync(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  const metafiles: unknown = await bundle(join(user.home, 'bundled'))
  const folders = bundledPackages(metafiles) as readonly string[]
  t.ok(folders.some((folder) => folder.endsWith('@oclif/core')))
  for (const folder of folders) {
    const path = join(packageRoot(), folder, 'package.json')
    const { name, version } = JSON.parse(readFileSync(path, 'utf8')) as { name: string; version: string }
    t.ok(text.includes(`== ${name} ${version} (`), `${name} ${version}`)
    const licence = join(packageRoot(), folder, 'LICENSE')
    if (existsSync(licence)) t.ok(text.includes(readFileSync(licence, 'utf8').trim()), `terms of ${name}`)
  }
})

t.test('its bill of materials names each of them, and is the same when it is made again', async (t) => {
  const text = readFileSync(join(installed, 'dist/sbom.cdx.json'), 'utf8')
  const document = JSON.parse(text) as Sbom
  t.strictSame(sbomFaults(document), [])
  const metafiles: unknown = await bundle(join(user.home, 'again'))
  t.equal(readFileSync(join(user.home, 'again/sbom.cdx.json'), 'utf8'), text)
  const named = new Set(document.components.map(({ name, version }) => `${name} ${version}`))
  for (const folder of bundledPackages(metafiles) as readonly string[]) {
    const own = readFileSync(join(packageRoot(), folder, 'package.json'), 'utf8')
    const { name, version } = JSON.parse(own) as { name: string; version: string }
    t.ok(named.delete(`${name} ${version}`), `${name} ${version}`)
  }
  t.strictSame([...named], [], 'and nothing else')
})

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, found) => sum + (found.isFile() ? found.size : 0), 0)
}
