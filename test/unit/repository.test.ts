import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ESLint } from 'eslint'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Ended {
  readonly status: number | null
  readonly output: string
}

function start(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules', program), ...args], { cwd: ROOT })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('close', (status) => resolve({ status, output }))
  })
}

/** What a program prints. One that fails would make a check pass on nothing: its status must be among `good`. */
function lines(program: string, args: readonly string[], good: readonly number[] = [0]): string[] {
  const result = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (!good.includes(result.status ?? -1))
    throw new Error(`${program} ${args.join(' ')}: ${result.error?.message ?? result.stderr}`)
  return result.stdout.split('\n').filter((line) => line !== '')
}

t.test(
  'the whole tree passes the compiler, the linter and the formatter',
  { timeout: 280_000 },
  async (t) => {
    const checks = {
      tsc: start('typescript/bin/tsc', ['-p', 'tsconfig.check.json']),
      prettier: start('prettier/bin/prettier.cjs', ['--check', '.']),
      eslint: start('eslint/bin/eslint.js', ['--max-warnings=0', '.']),
    }
    for (const [name, check] of Object.entries(checks)) {
      const { status, output } = await check
      t.equal(status, 0, `${name}: ${status === 0 ? 'clean' : output}`)
    }
  },
)

// A file of each room, and imports from there that must be refused or allowed.
const REFUSED: readonly (readonly [file: string, source: string])[] = [
  ['src/contracts/clock.ts', '../util/paths.js'],
  ['src/util/clock.ts', '../store/store.js'],
  ['src/tls/authority.ts', '../store/store.js'],
  ['src/ssh/connect.ts', '../engine/probe.js'],
  ['src/store/store.ts', '../tls/authority.js'],
  ['src/drivers/registry.ts', '../machine/create.js'],
  ['src/drivers/none/driver.ts', '../../ssh/connect.js'],
  ['src/ui/table.ts', '../machine/create.js'],
  ['src/machine/create.ts', '../cli/main.js'],
  ['src/commands/ls.ts', '../store/store.js'],
  ['provision/plan.ts', '../src/machine/create.js'],
  ['image-build/build.ts', '../src/util/paths.js'],
]
const ALLOWED: readonly (readonly [file: string, source: string])[] = [
  ['src/drivers/none/driver.ts', '../../util/paths.js'],
  ['src/machine/create.ts', '../store/store.js'],
  ['provision/plan.ts', '../src/util/paths.js'],
]

t.test('an import against the direction of the rooms is refused', { timeout: 120_000 }, async (t) => {
  // In CI the parser would read each file from the disk, once, instead of the text that it is given.
  const parserOptions = { disallowAutomaticSingleRunInference: true }
  const eslint = new ESLint({ cwd: ROOT, overrideConfig: { languageOptions: { parserOptions } } })
  const rulesFor = async (file: string, source: string): Promise<(string | null)[]> => {
    t.ok(existsSync(join(ROOT, file)), `${file} exists`)
    const [result] = await eslint.lintText(`import '${source}'\n`, { filePath: join(ROOT, file) })
    return (result?.messages ?? []).map(({ ruleId }) => ruleId)
  }
  for (const [file, source] of REFUSED)
    t.ok((await rulesFor(file, source)).includes('no-restricted-imports'), `${file} -> ${source}`)
  const [lazy] = await eslint.lintText(`export const late = () => import('../store/store.js')\n`, {
    filePath: join(ROOT, 'src/util/clock.ts'),
  })
  t.match(lazy?.messages, [{ ruleId: 'no-restricted-syntax' }], 'a dynamic import is an import')
  for (const [file, source] of ALLOWED)
    t.notOk((await rulesFor(file, source)).includes('no-restricted-imports'), `${file} -> ${source}`)
})

t.test('the package holds what runs and nothing else', async (t) => {
  const text = lines('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']).join('\n')
  const [pack] = JSON.parse(text) as { files: { path: string }[] }[]
  const files = (pack?.files ?? []).map(({ path }) => path)
  for (const needed of [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'bin/run.cjs',
    'oclif.manifest.json',
    'dist/main.cjs',
    'dist/helper.cjs',
    'dist/vendor/ssh2.cjs',
    'dist/driver/host.js',
    'dist/driver/index.js',
    'dist/driver/testing.js',
    'dist/THIRD-PARTY-LICENSES.txt',
    'provision/host/facts.sh',
    'provision/host/apply.sh',
    ...assets('image-build/guest'),
    ...assets('image-build/packages'),
    ...assets('image-build/modules'),
    ...assets('provision/host'),
    ...assets('templates/driver'),
  ])
    t.ok(files.includes(needed), `${needed} is in the package`)
  // Authors of drivers import types, and begin with sources.
  const forAuthors = /^dist\/driver\/types\/.*\.d\.ts$|^templates\//
  const strange = files.filter(
    (file) =>
      /^(test|tools|bench|docs|node_modules|\.ci)\/|\.ts$|\.tsbuildinfo$/.test(file) &&
      !forAuthors.test(file),
  )
  t.strictSame(strange, [])
})

function assets(dir: string): string[] {
  return lines('git', ['ls-files', dir])
}

t.test('the manifest knows every command', async (t) => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as { commands: object }
  const files = readdirSync(join(ROOT, 'src/commands'), { recursive: true }).map(String)
  const ids = files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.replace(/\.ts$/, '').replaceAll('/', ':'))
  t.strictSame(Object.keys(manifest.commands).sort(), ids.sort())
})

t.test('no host of a package registry or mirror of this computer is written in the tree', async (t) => {
  const uris = [
    ...lines('apt-get', ['indextargets', '--format', '$(REPO_URI)']),
    ...lines('npm', ['config', 'get', 'registry']),
  ]
  const hosts = [...new Set(uris.flatMap((uri) => /^[a-z+]+:\/\/([^/:]+)/.exec(uri)?.[1] ?? []))]
  t.ok(hosts.length > 0, 'hosts are known')
  for (const host of hosts) t.strictSame(lines('git', ['grep', '-lF', host], [0, 1]), [], host)
})

t.test('the table of programs is well-formed and has every row once', async (t) => {
  const rows = readFileSync(join(ROOT, 'tools/packages.tsv'), 'utf8').split('\n')
  const cells = rows.filter((row) => row !== '' && !row.startsWith('#')).map((row) => row.split('\t'))
  for (const row of cells) t.match(row, [/^[\w/.-]+$/, /^[a-z0-9.+-]+$/, /^(run|build|test)$/], row.join(' '))
  t.equal(new Set(cells.map(([program]) => program)).size, cells.length)
})
