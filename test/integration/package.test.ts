/** What npm packs: its size, that it runs without the registry, and whose licences it has. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../src/util/exec.js'
import { packageRoot } from '../../src/util/paths.js'
import { bundle } from '../../tools/bundle.mjs'
import { bundledPackages } from '../../tools/licences.mjs'
import { TestUser } from '../helpers/cli.js'

t.setTimeout(600_000)

const MAX_BYTES = 6 * 1024 * 1024
const user = new TestUser()
const app = join(user.home, 'app')
const installed = join(app, 'node_modules/tsmachine')
t.teardown(() => rmSync(user.home, { recursive: true, force: true }))

t.test('it is packed and installs in an empty folder without the registry', async (t) => {
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', user.home]
  const packed = await run('npm', pack, { cwd: packageRoot(), deadlineMs: 120_000 })
  const [{ filename = '', unpackedSize = Infinity } = {}] = JSON.parse(packed.stdout) as {
    filename: string
    unpackedSize: number
  }[]
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

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, found) => sum + (found.isFile() ? found.size : 0), 0)
}
