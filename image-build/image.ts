import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { dependsOf, fetchPackages, hashFile, sourceDateEpoch, type Apt, type Deb } from './apt.js'
import { run } from './exec.js'
import { initramfsEntries } from './initramfs.js'
import { unpackKernel } from './kernel.js'
import { filesBelow } from './libraries.js'
import { MODULE_LISTS, packagesOf, readModuleList, readPackageLists, type PackageLine } from './lists.js'
import { copyModules, indexModules, readModuleTree } from './modules.js'
import { packInitramfs, packSquashfs } from './pack.js'
import {
  addBusyboxLinks,
  addCopyrights,
  addGuestFiles,
  addLibraries,
  ETC,
  layOut,
  normaliseModes,
  unpackEach,
  type Stage,
} from './stage.js'
import { openTools, type Tool } from './tools.js'
import { checkNeeds, tryPrograms } from './verify.js'

export interface ImageOptions {
  apt: Apt
  /** Directory that gets kernel, initramfs and engine.squashfs. */
  out: string
  /** Holds packages/, modules/ and guest/; another one serves tests. */
  assets: string
  release: boolean
  signal?: AbortSignal
  report: (line: string) => void
}

/** What the manifest says about an image besides its files' hashes. */
export interface Image {
  version: string
  engineVersion: string
  debs: Deb[]
  files: readonly string[]
  sourceDateEpoch: number
}

const IMAGE_FILES = ['kernel', 'initramfs', 'engine.squashfs'] as const
/** Not in a release: four times the size of the packed one. */
const PLAIN_KERNEL = 'vmlinux'
const KERNEL = 'linux-image-amd64'

/** Everything that the steps of one build share. */
interface Work {
  options: ImageOptions
  dir: string
  stage: Stage
  lines: PackageLine[]
  debs: Deb[]
  kernelDir: string
  tool: Tool
  time: number
}

/** Builds the boot image. Throws naming a module, library, program or package that is missing. */
export async function buildImage(options: ImageOptions): Promise<Image> {
  await mkdir(options.out, { recursive: true })
  const dir = await mkdtemp(path.join(options.out, '.image-'))
  try {
    const work = await prepare(options, dir)
    await layOutTree(work)
    await buildModules(work)
    const version = await nameImage(work)
    options.report('running each program of the image once')
    await checkNeeds(work.stage.root, work.lines)
    await tryPrograms(work.stage.root, work.lines)
    await packAll(work)
    return { ...version, debs: work.debs, files: filesOf(options), sourceDateEpoch: work.time }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function filesOf({ release }: ImageOptions): readonly string[] {
  return release ? IMAGE_FILES : [...IMAGE_FILES, PLAIN_KERNEL]
}

async function prepare(options: ImageOptions, dir: string): Promise<Work> {
  const { apt, report, signal } = options
  const lines = await readPackageLists(options.assets)
  const debs = await fetchPackages(apt, packagesOf(lines), { libraries: true, report })
  const kernel = await fetchKernel(apt, report)
  const stage = { debsDir: path.join(dir, 'debs'), root: path.join(dir, 'root') }
  const all = [...debs, kernel]
  report(`unpacking ${String(all.length)} packages`)
  await unpackEach(stage, all, signal)
  const kernelDir = path.join(stage.debsDir, kernel.name)
  const { tool } = await openTools(apt, path.join(dir, 'tools'))
  return { options, dir, stage, lines, debs: all, kernelDir, tool, time: await sourceDateEpoch(all) }
}

/** The kernel itself is what the metapackage depends on. */
async function fetchKernel(apt: Apt, report: (line: string) => void): Promise<Deb> {
  const name = (await dependsOf(apt, KERNEL)).find((dependency) => dependency.startsWith('linux-image-'))
  const [kernel] = await fetchPackages(apt, name ? [name] : [], { report })
  if (!kernel) throw new Error(`package ${KERNEL} names no kernel`)
  return kernel
}

async function layOutTree(work: Work): Promise<void> {
  const { stage, lines, debs, options } = work
  await layOut(stage, lines)
  await addGuestFiles(stage, path.join(options.assets, 'guest'))
  await addLibraries(stage, await filesBelow(path.join(stage.root, 'usr')), debs)
  await addBusyboxLinks(stage, (await run([busyboxOf(stage), '--list'])).trim().split('\n'))
  work.debs = await usedPackages(work)
  await addCopyrights(stage, work.debs)
}

/** Names the image after its engine and all of its content, and writes the name into it. */
async function nameImage(work: Work): Promise<{ version: string; engineVersion: string }> {
  const { stage, debs, options, dir } = work
  const engine = debs.find((deb) => deb.name === 'docker.io')?.version ?? ''
  const engineVersion = /^(?:\d+:)?([\d.]+)/.exec(engine)?.[1] ?? '0'
  const hash = createHash('sha256').update(options.release ? 'release' : 'default')
  const init = path.join(options.assets, 'guest/initramfs/init')
  for (const root of [stage.root, path.join(dir, 'early')]) {
    for (const file of await filesBelow(root))
      hash.update(`${path.relative(root, file)} ${await hashFile(file)}\n`)
  }
  hash.update(await hashFile(init))
  for (const deb of debs) hash.update(`${deb.name} ${deb.sha256}\n`)
  const version = `${engineVersion}-${hash.digest('hex').slice(0, 8)}`
  await writeRelease(stage, version)
  return { version, engineVersion }
}

/** Library packages of which nothing was needed are not part of the image. */
async function usedPackages(work: Work): Promise<Deb[]> {
  const names = new Set(await readdir(path.join(work.stage.root, 'usr/lib/x86_64-linux-gnu')))
  const named = new Set(packagesOf(work.lines))
  const used: Deb[] = []
  for (const deb of work.debs) {
    const own =
      named.has(deb.name) || deb.name.startsWith('linux-image-') || (await offersOne(work, deb, names))
    if (own) used.push(deb)
  }
  return used
}

async function offersOne(work: Work, deb: Deb, names: ReadonlySet<string>): Promise<boolean> {
  const dir = path.join(work.stage.debsDir, deb.name, 'usr/lib/x86_64-linux-gnu')
  const offered = await readdir(dir).catch(() => [])
  return offered.some((name) => names.has(name))
}

async function writeRelease(stage: Stage, version: string): Promise<void> {
  const share = path.join(stage.root, 'usr/share/tsmachine')
  const release = [
    'NAME="tsmachine boot image"',
    'ID=tsmachine',
    `VERSION_ID=${version}`,
    `PRETTY_NAME="tsmachine boot image ${version}"`,
    'TSMACHINE_INIT=1',
    '',
  ].join('\n')
  await writeFile(path.join(share, 'version'), `${version}\n`)
  await writeFile(path.join(stage.root, 'usr', ETC, 'os-release'), release)
}

/** Modules of the engine image into the tree, and the initramfs's own few beside it. */
async function buildModules(work: Work): Promise<void> {
  const { options, kernelDir, dir, stage, tool } = work
  const base = path.join(kernelDir, 'usr/lib/modules')
  const [version = ''] = await readdir(base)
  const tree = await readModuleTree(path.join(base, version))
  const all = (await Promise.all(MODULE_LISTS.map((name) => readModuleList(options.assets, name)))).flat()
  const early = await readModuleList(options.assets, 'initramfs')
  const fill = async (names: readonly string[], root: string) => {
    await copyModules(tree, names, path.join(root, 'lib/modules', version), [...tool('xz'), '-d', '--'])
    await indexModules(tree, root, busyboxOf(stage))
  }
  await fill(all, path.join(stage.root, 'usr'))
  await fill(early, path.join(dir, 'early'))
}

function busyboxOf(stage: Stage): string {
  return path.join(stage.root, 'usr/bin/busybox')
}

async function packAll(work: Work): Promise<void> {
  const { options, stage, dir, tool, time, kernelDir } = work
  options.report('packing the image')
  const pack = { tool, time, release: options.release, ...(options.signal ? { signal: options.signal } : {}) }
  const init = path.join(options.assets, 'guest/initramfs/init')
  const entries = await initramfsEntries(busyboxOf(stage), init, path.join(dir, 'early'))
  const [kernel, initramfs, engine] = IMAGE_FILES.map((name) => path.join(options.out, name)) as [
    string,
    string,
    string,
  ]
  await packInitramfs(entries, initramfs, pack)
  await normaliseModes(path.join(stage.root, 'usr'))
  await packSquashfs(path.join(stage.root, 'usr'), engine, pack)
  const boot = path.join(kernelDir, 'boot')
  const image = (await readdir(boot)).find((name) => name.startsWith('vmlinuz-'))
  if (!image) throw new Error('the kernel package holds no kernel')
  await cp(path.join(boot, image), kernel)
  if (!options.release) await unpackKernel(await readFile(kernel), path.join(options.out, PLAIN_KERNEL), tool)
}
