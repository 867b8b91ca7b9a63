import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Deb } from './apt.js'
import { isolateLoader, relocate } from './elf-relocate.js'
import { parseElf } from './elf.js'
import {
  BOOTSTRAP_PROGRAMS,
  BUNDLE_ROOT,
  CERTIFICATES,
  IPTABLES_DIR,
  IPTABLES_NAMES,
  iptablesScript,
  LOADER,
  PROGRAMS,
  RECIPE,
  STATIC_PROGRAMS,
  XTABLES_DIR,
} from './engine-bundle-layout.js'
import { libraryClosure } from './libraries.js'

/** `rootDir`: unpacked packages. `treeDir`: what becomes the prefix. */
export interface TreeOptions {
  rootDir: string
  treeDir: string
  version: string
  debs: readonly Deb[]
}

/** Files of the two parts, as paths below the prefix, sorted. */
export interface BundleTree {
  bootstrap: string[]
  rest: string[]
}

/** The absolute path that the files of this version are made for. */
export function bundlePrefix(version: string): string {
  return `${BUNDLE_ROOT}/${version}`
}

/**
 * Name of a bundle made from these packages: the engine's version and 8 digits over everything that decides the bytes.
 * The files hold their own path, so the digits cannot be taken from the finished files.
 */
export function bundleVersion(engineVersion: string, debs: readonly Deb[], release: boolean): string {
  const inputs = debs.map((deb) => `${deb.name} ${deb.version} ${deb.sha256}`).sort()
  const scripts = IPTABLES_NAMES.map((name) => iptablesScript(BUNDLE_ROOT, name))
  const text = JSON.stringify([RECIPE, release, inputs, scripts, PROGRAMS.map(({ from, to }) => [from, to])])
  return `${engineVersion}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}

/** Lays the bundle's files out and makes its programs find each other. Throws naming a program or library that is missing. */
export async function layOutBundle(options: TreeOptions): Promise<BundleTree> {
  const { rootDir, treeDir, version, debs } = options
  const prefix = bundlePrefix(version)
  const modules = await xtablesModules(rootDir)
  const users = [...PROGRAMS, ...modules].map(({ from }) => path.join(rootDir, from))
  refuseMissing(PROGRAMS, rootDir)
  const libraries = await libraryClosure(users, [rootDir])
  for (const { from, to } of PROGRAMS) await addProgram(rootDir, treeDir, { from, to, prefix })
  for (const { from, to } of modules) await put(treeDir, to, await readFile(path.join(rootDir, from)), 0o644)
  const all = [
    ...[...PROGRAMS, ...modules].map(({ to }) => to),
    ...(await addLibraries(treeDir, libraries)),
    ...(await addScripts(treeDir, prefix)),
    await addCertificates(rootDir, treeDir),
    ...(await addNotes(rootDir, treeDir, debs)),
  ]
  const bootstrap = await bootstrapFiles(rootDir)
  return { bootstrap, rest: all.filter((file) => !bootstrap.includes(file)).sort() }
}

async function bootstrapFiles(rootDir: string): Promise<string[]> {
  const first = PROGRAMS.filter(({ to }) => BOOTSTRAP_PROGRAMS.includes(to))
  const sources = first.map(({ from }) => path.join(rootDir, from))
  const libraries = [...(await libraryClosure(sources, [rootDir])).keys(), LOADER].map(
    (name) => `lib/${name}`,
  )
  return [...new Set([...first.map(({ to }) => to), ...libraries])].sort()
}

async function addProgram(
  rootDir: string,
  treeDir: string,
  { from, to, prefix }: { from: string; to: string; prefix: string },
): Promise<void> {
  const bytes = await readFile(path.join(rootDir, from))
  const { needed, interpreter } = parseElf(bytes)
  if (STATIC_PROGRAMS.includes(to) && (interpreter || needed.length > 0))
    throw new Error(`${from} must be static: it runs where our libraries are not`)
  relocate(bytes, { interpreter: `${prefix}/lib/${LOADER}`, rpath: `${prefix}/lib` })
  await put(treeDir, to, bytes, 0o755)
}

function refuseMissing(programs: readonly { from: string }[], rootDir: string): void {
  const lost = programs.find(({ from }) => !existsSync(path.join(rootDir, from)))
  if (lost) throw new Error(`the engine bundle needs ${lost.from}, and no package has it`)
}

async function xtablesModules(rootDir: string): Promise<{ from: string; to: string }[]> {
  const names = await namesIn(path.join(rootDir, XTABLES_DIR.from), '.so')
  return names.map((name) => ({ from: `${XTABLES_DIR.from}/${name}`, to: `${XTABLES_DIR.to}/${name}` }))
}

async function addLibraries(treeDir: string, libraries: ReadonlyMap<string, string>): Promise<string[]> {
  const files: string[] = []
  for (const [name, file] of libraries) {
    const bytes = await readFile(file)
    if (name === LOADER) isolateLoader(bytes)
    // The loader is run by the kernel; nothing else may look like a program.
    files.push(await put(treeDir, `lib/${name}`, bytes, name === LOADER ? 0o755 : 0o644))
  }
  if (!files.includes(`lib/${LOADER}`)) throw new Error(`no package has the loader ${LOADER}`)
  return files
}

async function addScripts(treeDir: string, prefix: string): Promise<string[]> {
  return Promise.all(
    IPTABLES_NAMES.map((name) =>
      put(treeDir, `${IPTABLES_DIR}/${name}`, Buffer.from(iptablesScript(prefix, name)), 0o755),
    ),
  )
}

async function addCertificates(rootDir: string, treeDir: string): Promise<string> {
  const dir = path.join(rootDir, CERTIFICATES.from)
  const names = await namesIn(dir, '.crt')
  const texts = await Promise.all(names.map((name) => readFile(path.join(dir, name), 'utf8')))
  return put(treeDir, CERTIFICATES.to, Buffer.from(texts.map((text) => `${text.trim()}\n`).join('')), 0o644)
}

/** Each package's copyright file, as its licence asks. */
async function addNotes(rootDir: string, treeDir: string, debs: readonly Deb[]): Promise<string[]> {
  const files: string[] = []
  for (const { name } of debs) {
    const from = path.join(rootDir, 'usr/share/doc', name, 'copyright')
    if (!existsSync(from)) continue
    const to = `share/doc/${name}/copyright`
    await mkdir(path.join(treeDir, path.dirname(to)), { recursive: true })
    await copyFile(from, path.join(treeDir, to))
    await chmod(path.join(treeDir, to), 0o644)
    files.push(to)
  }
  return files
}

async function namesIn(dir: string, ending: string): Promise<string[]> {
  const names = existsSync(dir) ? (await readdir(dir)).filter((name) => name.endsWith(ending)).sort() : []
  if (names.length === 0)
    throw new Error(`the engine bundle needs ${path.basename(dir)}/*${ending}, and no package has it`)
  return names
}

async function put(treeDir: string, to: string, bytes: Buffer, mode: number): Promise<string> {
  const file = path.join(treeDir, to)
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, bytes, { mode })
  await chmod(file, mode)
  return to
}
