/** The user's own npm, which knows their registries and credentials. Nothing that a package brings is run by it. */
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MachineError } from '../../contracts/errors.js'
import { findProgram, run } from '../../util/exec.js'
import { type PackageSpec, specText } from './spec.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface NpmOptions {
  readonly env: Environment
  readonly signal: AbortSignal
}

/** What npm has put into a folder. */
export interface FetchedPackage {
  readonly packageName: string
  readonly version: string
  readonly integrity: string
}

const DEADLINE_MS = 600_000
/** Lines of npm that help nobody, and those that do not say by themselves what happened. */
const NOISE = /complete log of this run|^(npm (error|ERR!))?\s*$|^(npm (error|ERR!))?\s+at /
const DETAIL = /^(code|syscall|errno|path|dest) /
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']

/**
 * Installs a package, with what it depends on, into a folder of its own.
 * @throws MachineError `preflight` without npm, `plugin` in npm's words when it fails
 */
export async function npmInstall(
  dir: string,
  spec: PackageSpec,
  options: NpmOptions,
): Promise<FetchedPackage> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeFileSync(join(dir, 'package.json'), '{"private":true}\n')
  const tarball = spec.kind === 'folder' ? await npmPack(dir, spec, options) : undefined
  const what = tarball ?? (spec.kind === 'registry' ? spec.text : spec.path)
  // The package.json of the folder makes it the project. `--prefix` would do so too, but npm then looks for its global
  // configuration below it, and the user's registry and certificates are not there.
  const words = ['install', ...QUIET, '--global=false', '--workspaces=false', '--save-exact', '--', what]
  await npm(words, dir, spec, options)
  if (tarball !== undefined) rmSync(tarball)
  return fetched(dir, spec)
}

/** A folder is packed first: what is installed is then what would be published, and has a hash. */
async function npmPack(
  dir: string,
  spec: PackageSpec & { path: string },
  options: NpmOptions,
): Promise<string> {
  const words = ['pack', ...QUIET, '--json', '--pack-destination', dir, '--', spec.path]
  const text = await npm(words, dir, spec, options)
  const [, name] = /"filename":\s*"([^"]+)"/.exec(text) ?? []
  if (name === undefined) throw new MachineError('plugin', `npm did not say what it packed of ${spec.path}`)
  return join(dir, name)
}

async function npm(
  words: readonly string[],
  cwd: string,
  spec: PackageSpec,
  { env, signal }: NpmOptions,
): Promise<string> {
  const [program, ...first] = npmCommand(env)
  const result = await run(program, [...first, ...words], { env, cwd, signal, deadlineMs: DEADLINE_MS })
  if (result.code === 0) return result.stdout
  const said = result.stderr
    .split('\n')
    .filter((line) => !NOISE.test(line))
    .map((line) => line.replace(/^npm (error|ERR!) ?/, ''))
  const [reason = `it ended with status ${result.code}`] = said.filter((line) => !DETAIL.test(line))
  throw new MachineError('plugin', `npm could not install ${specText(spec)}: ${reason}`, {
    ...(said.length > 0 ? { evidence: said.join('\n').slice(-4_000) } : {}),
    hints: ['Nothing was changed.'],
  })
}

/** On Windows npm is a script of the shell, which is gone round. */
function npmCommand(env: Environment): [string, ...string[]] {
  const found = findProgram('npm', env)
  if (found === undefined)
    throw new MachineError('preflight', 'The program "npm" is not installed or not on PATH', {
      hints: ['It comes with Node: https://nodejs.org/'],
    })
  if (process.platform !== 'win32') return [found]
  return [process.execPath, join(dirname(realpathSync(found)), 'node_modules', 'npm', 'bin', 'npm-cli.js')]
}

function fetched(dir: string, spec: PackageSpec): FetchedPackage {
  const manifest = readJson(join(dir, 'package.json'))
  const [packageName] = Object.keys(objectAt(manifest, 'dependencies'))
  if (packageName === undefined)
    throw new MachineError('plugin', `npm says that it installed ${specText(spec)}, but not what`)
  const lock = readJson(join(dir, 'node_modules', '.package-lock.json'))
  const entry = objectAt(objectAt(lock, 'packages'), `node_modules/${packageName}`)
  const { version, integrity } = entry
  return {
    packageName,
    version: typeof version === 'string' ? version : '',
    integrity: typeof integrity === 'string' ? integrity : '',
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new MachineError('plugin', `npm left no ${file} that can be read`, { cause })
  }
}

function objectAt(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return typeof found === 'object' && found !== null ? { ...found } : {}
}
