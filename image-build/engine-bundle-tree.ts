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
  LIBRARY_DIRS,
  LOADER,
  PROGRAMS,
  RECIPE,
  STATIC_PROGRAMS,
  XTABLES_DIR,
} from './engine-bundle-layout.js'

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
  const needs = new Map<string, string[]>()
  for (const { from, to } of PROGRAMS) needs.set(to, await addProgram(rootDir, treeDir, { from, to, prefix }))
  const modules = await addModules(rootDir, treeDir)
  const libraries = await addLibraries(rootDir, treeDir, [
    ...new Set([...needs.values(), modules.needed].flat()),
  ])
  const scripts = await addScripts(treeDir, prefix)
  const certificates = await addCertificates(rootDir, treeDir)
  const notes = await addNotes(rootDir, treeDir, debs)

  const first = await libraryClosure(
    rootDir,
    BOOTSTRAP_PROGRAMS.flatMap((program) => needs.get(program) ?? []),
  )
  const bootstrap = [...BOOTSTRAP_PROGRAMS, ...first.map((name) => `lib/${name}`), `lib/${LOADER}`].sort()
  const all = [...needs.keys(), ...modules.files, ...libraries, ...scripts, certificates, ...notes]
  return {
    bootstrap: [...new Set(bootstrap)],
    rest: [...new Set(all)].filter((file) => !bootstrap.includes(file)).sort(),
  }
}

async function addProgram(
  rootDir: string,
  treeDir: string,
  { from, to, prefix }: { from: string; to: string; prefix: string },
): Promise<string[]> {
  const source = path.join(rootDir, from)
  if (!existsSync(source)) throw new Error(`the engine bundle needs ${from}, and no package has it`)
  const bytes = await readFile(source)
  const { needed, interpreter } = parseElf(bytes)
  if (STATIC_PROGRAMS.includes(to) && (interpreter || needed.length > 0))
    throw new Error(`${from} must be static: it runs where our libraries are not`)
  relocate(bytes, { interpreter: `${prefix}/lib/${LOADER}`, rpath: `${prefix}/lib` })
  await put(treeDir, to, bytes, 0o755)
  return needed
}

async function addModules(rootDir: string, treeDir: string): Promise<{ files: string[]; needed: string[] }> {
  const names = await namesIn(path.join(rootDir, XTABLES_DIR.from), '.so')
  const needed = new Set<string>()
  const files: string[] = []
  for (const name of names) {
    const bytes = await readFile(path.join(rootDir, XTABLES_DIR.from, name))
    for (const library of parseElf(bytes).needed) needed.add(library)
    files.push(await put(treeDir, `${XTABLES_DIR.to}/${name}`, bytes, 0o644))
  }
  return { files, needed: [...needed] }
}

async function addLibraries(rootDir: string, treeDir: string, needed: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for (const name of [...(await libraryClosure(rootDir, needed)), LOADER]) {
    const bytes = await readFile(findLibrary(rootDir, name))
    if (name === LOADER) isolateLoader(bytes)
    // The loader and libc can be run as programs; nothing else may look like one.
    files.push(await put(treeDir, `lib/${name}`, bytes, name === LOADER ? 0o755 : 0o644))
  }
  return [...new Set(files)]
}

/** All libraries that `needed` lead to, the loader apart. Throws naming one that no package has. */
async function libraryClosure(rootDir: string, needed: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  const queue = [...needed]
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (found.has(name) || name === LOADER) continue
    found.add(name)
    queue.push(...parseElf(await readFile(findLibrary(rootDir, name))).needed)
  }
  return [...found].sort()
}

function findLibrary(rootDir: string, name: string): string {
  const found = LIBRARY_DIRS.map((dir) => path.join(rootDir, dir, name)).find((file) => existsSync(file))
  if (!found) throw new Error(`the engine bundle needs the library ${name}, and no package has it`)
  return found
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
