import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from './exec.js'

/** Unpacked kernel package: `dir` is its modules folder (`.../lib/modules/VERSION`). */
export interface ModuleTree {
  dir: string
  /** Paths below `dir`, `.ko` or `.ko.xz`, by module name. */
  paths: Map<string, string>
  builtin: Set<string>
}

/** Module names use `-` and `_` as one and the same character. */
export function moduleName(file: string): string {
  return path
    .basename(file)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_')
}

/** Reads the kernel's own index of its modules. */
export async function readModuleTree(dir: string): Promise<ModuleTree> {
  const lines = async (name: string) =>
    (await readFile(path.join(dir, name), 'utf8')).split('\n').filter(Boolean)
  const paths = new Map<string, string>()
  for (const line of await lines('modules.order')) {
    const found = [`${line}.xz`, line].find((file) => existsSync(path.join(dir, file)))
    if (found) paths.set(moduleName(line), found)
  }
  return { dir, paths, builtin: new Set((await lines('modules.builtin')).map(moduleName)) }
}

/** What a module says about itself in its `.modinfo` section: key=value texts with a zero byte after each. */
export function parseModinfo(module: Buffer): { depends: string[]; softPre: string[] } {
  const text = module.toString('latin1')
  const values = (key: string) =>
    [...text.matchAll(new RegExp(`\\0${key}=([^\\0]*)`, 'g'))].map((match) => match[1] ?? '')
  const depends = values('depends').flatMap((value) => value.split(',').filter(Boolean))
  const softPre = values('softdep').flatMap(
    (value) => /pre:\s*([^:]*?)(?:\s+post:|$)/.exec(value)?.[1]?.split(/\s+/) ?? [],
  )
  return { depends: depends.map(moduleName), softPre: softPre.filter(Boolean).map(moduleName) }
}

/** How .xz files are unpacked in place: the argv before the file names. */
export type Unxz = readonly string[]

/**
 * Copies the named modules and all that they depend on into `target` (also a `.../lib/modules/VERSION` folder), unpacked.
 * Returns their names, sorted. Throws naming each module that the kernel neither has nor has built in.
 */
export async function copyModules(
  tree: ModuleTree,
  names: readonly string[],
  target: string,
  unxz: Unxz,
): Promise<string[]> {
  const wanted = names.map(moduleName)
  const lost = wanted.filter((name) => !tree.paths.has(name) && !tree.builtin.has(name))
  if (lost.length > 0) throw new Error(`this kernel has no module ${lost.join(', ')}`)
  const done = new Set<string>()
  let round = wanted
  while (round.length > 0) {
    const fresh = [...new Set(round)].filter((name) => tree.paths.has(name) && !done.has(name))
    fresh.forEach((name) => done.add(name))
    const files = await unpackRound(tree, fresh, target, unxz)
    round = (await Promise.all(files.map((file) => neededBy(tree, file)))).flat()
  }
  return [...done].sort()
}

async function neededBy(tree: ModuleTree, file: string): Promise<string[]> {
  const { depends, softPre } = parseModinfo(await readFile(file))
  const lost = depends.find((name) => !tree.paths.has(name) && !tree.builtin.has(name))
  if (lost) throw new Error(`${moduleName(file)} needs module ${lost}, which this kernel does not have`)
  return [...depends, ...softPre]
}

async function unpackRound(tree: ModuleTree, names: string[], target: string, unxz: Unxz): Promise<string[]> {
  const copies: string[] = []
  for (const name of names) {
    const from = tree.paths.get(name) ?? ''
    const to = path.join(target, from)
    await mkdir(path.dirname(to), { recursive: true })
    await copyFile(path.join(tree.dir, from), to)
    copies.push(to)
  }
  const packed = copies.filter((file) => file.endsWith('.xz'))
  if (packed.length > 0) await run([...unxz, ...packed])
  return copies.map((file) => file.replace(/\.xz$/, ''))
}

/** Writes the indexes that modprobe reads, from the modules that are really there. `root` holds `lib/modules/VERSION`. */
export async function indexModules(tree: ModuleTree, root: string, busybox: string): Promise<void> {
  const version = path.basename(tree.dir)
  const target = path.join(root, 'lib/modules', version)
  await copyFile(path.join(tree.dir, 'modules.builtin'), path.join(target, 'modules.builtin'))
  await run([busybox, 'depmod', '-b', root, version])
}
