import { existsSync } from 'node:fs'
import {
  appendFile,
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
} from 'node:fs/promises'
import path from 'node:path'
import { unpack, type Deb } from './apt.js'
import { libraryClosure } from './libraries.js'
import type { PackageLine } from './lists.js'

/** Where unpacked packages are (`debsDir/NAME`) and the tree that becomes the image (`root`, of which `usr` is packed). */
export interface Stage {
  debsDir: string
  root: string
}

/** /etc of the image is laid out here; init copies it to RAM. Relative to `usr`. */
export const ETC = 'share/tsmachine/etc'
const LIBRARIES = 'lib/x86_64-linux-gnu'

/** Unpacks each package into a folder of its own, so that a file's package is known. */
export async function unpackEach(stage: Stage, debs: readonly Deb[], signal?: AbortSignal): Promise<void> {
  for (const deb of debs) await unpack([deb], path.join(stage.debsDir, deb.name), signal)
}

/** Where a file of a package goes, relative to `usr`: there is one folder for programs, and /etc is kept apart. */
export function placeOf(file: string): string {
  if (file.startsWith('etc/')) return `${ETC}/${file.slice(4)}`
  return file.replace(/^usr\//, '').replace(/^sbin\//, 'bin/')
}

/** Carries out the `take`, `join` and `link` lines. Throws naming a path that its package does not have. */
export async function layOut(stage: Stage, lines: readonly PackageLine[]): Promise<void> {
  await mkdir(usr(stage, 'bin'), { recursive: true })
  await symlink('bin', usr(stage, 'sbin'))
  for (const line of lines) {
    if (line.verb === 'take') await take(stage, line.package, line.paths)
    if (line.verb === 'join') await join(stage, line.package, line.target, line.paths)
    if (line.verb === 'link') await link(stage, line.name, line.target)
  }
}

/** Adds every library that programs and plugins of the tree need, and the loader. */
export async function addLibraries(
  stage: Stage,
  programs: readonly string[],
  debs: readonly Deb[],
): Promise<void> {
  const roots = debs.map((deb) => path.join(stage.debsDir, deb.name))
  const libraries = await libraryClosure(programs, roots)
  for (const [name, file] of libraries) await copyPlain(file, usr(stage, `${LIBRARIES}/${name}`))
  await mkdir(usr(stage, 'lib64'), { recursive: true })
  await symlink(`../${LIBRARIES}/ld-linux-x86-64.so.2`, usr(stage, 'lib64/ld-linux-x86-64.so.2'))
}

/** A link for every tool in busybox that no real program and no earlier link has taken the name of. */
export async function addBusyboxLinks(stage: Stage, applets: readonly string[]): Promise<void> {
  for (const applet of applets) {
    const name = usr(stage, `bin/${applet}`)
    if (!existsSync(name)) await symlink('busybox', name)
  }
}

/** What Debian says about the licence of each package that something was taken from. */
export async function addCopyrights(stage: Stage, debs: readonly Deb[]): Promise<void> {
  for (const deb of debs) {
    const file = path.join(stage.debsDir, deb.name, 'usr/share/doc', deb.name, 'copyright')
    // Some packages only link to a relative's.
    const real = await realpath(file).catch(() => undefined)
    if (real) await copyPlain(real, usr(stage, `share/doc/${deb.name}/copyright`))
  }
}

/** Our own files: guest/bin, guest/lib (scripts), guest/etc. */
export async function addGuestFiles(stage: Stage, guestDir: string): Promise<void> {
  const homes = { bin: 'bin', lib: 'lib/tsmachine', etc: ETC }
  for (const [from, to] of Object.entries(homes)) {
    await copyTree(path.join(guestDir, from), usr(stage, to), (file) =>
      isGuestScript(from, file) ? 0o755 : 0o644,
    )
  }
}

function isGuestScript(from: string, file: string): boolean {
  return from === 'etc' ? file.includes('/acpi/') : !/\.(sh|jq)$/.test(file)
}

/** Gives everything below `dir` one of four modes, whatever the builder's umask made of it. */
export async function normaliseModes(dir: string): Promise<void> {
  await chmod(dir, 0o755)
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name)
    if (entry.isDirectory()) await normaliseModes(file)
    else if (entry.isFile()) await chmod(file, fileMode((await lstat(file)).mode))
  }
}

/** Programs keep their set-user-id bit. */
function fileMode(mode: number): number {
  return mode & 0o111 ? 0o755 | (mode & 0o4000) : 0o644
}

function usr(stage: Stage, name: string): string {
  return path.join(stage.root, 'usr', name)
}

async function take(stage: Stage, name: string, patterns: readonly string[]): Promise<void> {
  for (const file of await expand(stage, name, patterns)) {
    await copyEntry(path.join(stage.debsDir, name, file), usr(stage, placeOf(file)))
  }
}

async function join(stage: Stage, name: string, target: string, patterns: readonly string[]): Promise<void> {
  const to = usr(stage, placeOf(target))
  await mkdir(path.dirname(to), { recursive: true })
  await rm(to, { force: true })
  for (const file of await expand(stage, name, patterns)) {
    await appendFile(to, await readFile(path.join(stage.debsDir, name, file)))
  }
  await chmod(to, 0o644)
}

async function link(stage: Stage, name: string, target: string): Promise<void> {
  const to = usr(stage, name)
  await mkdir(path.dirname(to), { recursive: true })
  if (!existsSync(path.resolve(path.dirname(to), target)))
    throw new Error(`link ${name}: there is no ${target}`)
  await symlink(target, to)
}

/** Paths below the package's root for patterns: a plain path, `folder/`, or `*` in the last part. Sorted. */
async function expand(stage: Stage, name: string, patterns: readonly string[]): Promise<string[]> {
  const root = path.join(stage.debsDir, name)
  const found: string[] = []
  for (const pattern of patterns) {
    const matches = await matchesOf(root, pattern)
    if (matches.length === 0) throw new Error(`package ${name} has no ${pattern}`)
    found.push(...matches)
  }
  return found.sort()
}

async function matchesOf(root: string, pattern: string): Promise<string[]> {
  const dir = path.dirname(`${pattern}x`)
  const last = pattern.endsWith('/') ? '*' : path.basename(pattern)
  if (!existsSync(path.join(root, dir))) return []
  const wanted = new RegExp(`^${last.replace(/[.+^$()|[\]{}]/g, '\\$&').replaceAll('*', '.*')}$`)
  const entries = await readdir(path.join(root, dir), { withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory() && wanted.test(entry.name))
    .map((entry) => path.join(dir, entry.name))
}

async function copyEntry(from: string, to: string): Promise<void> {
  if ((await lstat(from)).isSymbolicLink()) {
    await mkdir(path.dirname(to), { recursive: true })
    await symlink(await readlink(from), to)
  } else await copyPlain(from, to)
}

async function copyPlain(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true })
  await copyFile(from, to)
  const { mode } = await lstat(from)
  await chmod(to, fileMode(mode))
}

async function copyTree(from: string, to: string, modeOf: (file: string) => number): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    const copy = path.join(to, path.relative(from, file))
    await mkdir(path.dirname(copy), { recursive: true })
    await copyFile(file, copy)
    await chmod(copy, modeOf(file))
  }
}
