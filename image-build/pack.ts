import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { packCpio, type CpioEntry } from './cpio.js'
import { run } from './exec.js'
import type { Tool } from './tools.js'

export interface PackOptions {
  tool: Tool
  /** Time stamp of every file, in seconds. */
  time: number
  release: boolean
  signal?: AbortSignal
}

/** The default image is not compressed at all: it is built, read and started fastest. */
const SQUASHFS_DEFAULT = ['-noI', '-noId', '-noD', '-noF', '-noX']
const SQUASHFS_RELEASE = ['-comp', 'zstd', '-Xcompression-level', '22', '-b', '1M']

/** Packs `dir` as the engine image: owned by root, one time stamp, sorted. */
export async function packSquashfs(dir: string, to: string, options: PackOptions): Promise<void> {
  const time = String(options.time)
  await rm(to, { force: true })
  const fixed = [
    '-all-root',
    '-mkfs-time',
    time,
    '-all-time',
    time,
    '-no-xattrs',
    '-no-exports',
    '-noappend',
    '-quiet',
    '-no-progress',
  ]
  const size = options.release ? SQUASHFS_RELEASE : SQUASHFS_DEFAULT
  // mksquashfs refuses to run when this variable is set and times are given too.
  const env = { SOURCE_DATE_EPOCH: undefined }
  await run([...options.tool('mksquashfs'), dir, to, ...fixed, ...size], {
    env,
    ...(options.signal ? { signal: options.signal } : {}),
  })
}

/** Packs the initramfs; the kernel takes it plain as well as compressed. */
export async function packInitramfs(
  entries: readonly CpioEntry[],
  to: string,
  options: PackOptions,
): Promise<void> {
  await writeFile(to, packCpio(entries, options.time))
  if (!options.release) return
  // The kernel's own reader of xz knows only this check, and no large dictionary.
  await run([
    ...options.tool('xz'),
    '--check=crc32',
    '--lzma2=preset=9e,dict=1MiB',
    '--threads=1',
    '--suffix=.packed',
    to,
  ])
  await writeFile(to, await readFile(`${to}.packed`))
  await rm(`${to}.packed`)
}

/** Every folder and file below `dir` as entries below `prefix`, sorted by name, parents first. */
export async function entriesBelow(dir: string, prefix: string): Promise<CpioEntry[]> {
  const entries: CpioEntry[] = []
  for (const entry of (await readdir(dir, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const [file, name] = [path.join(dir, entry.name), `${prefix}/${entry.name}`]
    if (entry.isDirectory()) entries.push({ name, type: 'dir' }, ...(await entriesBelow(file, name)))
    else entries.push({ name, type: 'file', data: await readFile(file), mode: 0o644 })
  }
  return entries
}
