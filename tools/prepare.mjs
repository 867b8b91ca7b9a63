// Brings the checkout up to date, step by step as named: `node tools/prepare.mjs packages build images`. Each step that has
// nothing to do takes milliseconds. Imports nothing but Node: it runs before the packages are there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CACHE = join(process.env.XDG_CACHE_HOME || join(process.env.HOME || homedir(), '.cache'), 'tsmachine')

const NPM = ['--ignore-scripts', '--no-audit', '--no-fund']
const STEPS = { packages, build, images }

for (const name of process.argv.slice(2)) STEPS[name]()

/** The npm packages of the lock file. None of them has to run anything to be installed. */
function packages() {
  const installed = join(ROOT, 'node_modules/.package-lock.json')
  const wanted = join(ROOT, 'package-lock.json')
  if (!existsSync(installed)) run('npm', ['ci', ...NPM])
  else if (statSync(installed).mtimeMs < statSync(wanted).mtimeMs) run('npm', ['install', ...NPM])
}

/** The compiled program. */
function build() {
  const sources = hashOf([
    'src',
    'provision',
    'image-build',
    'tools/bundle.mjs',
    'tools/bundle-lazily.mjs',
    'tools/licences.mjs',
    'tools/sbom.mjs',
    'tools/manifest.mjs',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
  ])
  once(join(ROOT, 'dist/.built-from'), sources, () => run('npm', ['run', 'build', '--silent']))
}

/** Boot image and engine bundle in the user's cache, built again when their recipe has changed. */
function images() {
  const recipe = hashOf(['image-build'])
  once(join(CACHE, 'images/.built-from'), recipe, () =>
    run(process.execPath, ['bin/run.cjs', 'image', 'build']),
  )
}

/** Does the work unless the stamp says that it was done for the same sources. */
function once(stamp, value, work) {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === value) return
  work()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, value)
}

function hashOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths.flatMap(filesOf)) hash.update(`${path}\0`).update(readFileSync(join(ROOT, path)))
  return hash.digest('hex')
}

function filesOf(path) {
  if (statSync(join(ROOT, path)).isFile()) return [path]
  const names = readdirSync(join(ROOT, path)).sort()
  return names.flatMap((name) => filesOf(join(path, name)))
}

/** Output goes to stderr: the stdout of our callers is their answer. */
function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  process.stderr.write(`${program} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}\n`)
  process.exit(status || 1)
}
