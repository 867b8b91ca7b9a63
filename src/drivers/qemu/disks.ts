import { constants, existsSync } from 'node:fs'
import { chmod, copyFile, open, rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { PreflightFault } from '../../contracts/driver.js'
import { isMachineError, MachineError } from '../../contracts/errors.js'
import { syncDirectory } from '../../util/atomic-file.js'
import { syncFile } from '../../util/durable.js'
import { fileError } from '../../util/file-error.js'
import { runChecked } from '../../util/exec.js'

const MB = 1024 * 1024

/**
 * Makes the data disk: raw, as large as asked for, and empty, so that it takes no room yet. One that is there stays; it
 * has its name only once it has its size.
 */
export async function makeDataDisk(path: string, sizeMb: number): Promise<void> {
  if (existsSync(path)) return
  const partial = partialOf(path)
  try {
    await rm(partial, { force: true })
    const file = await open(partial, 'wx', 0o600)
    try {
      await file.truncate(sizeMb * MB)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    await rm(partial, { force: true })
    throw fileError('make', path, error)
  }
}

/** A copy of a template's disk: its blocks are shared where the file system can, and holes stay holes. */
export async function copyDisk(from: string, path: string, signal: AbortSignal): Promise<void> {
  const partial = partialOf(path)
  try {
    await rm(partial, { force: true })
    await copySparse(from, partial, signal)
    await chmod(partial, 0o600)
    // The record says that it is made, and nobody looks into it again.
    await syncFile(partial)
    await rename(partial, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    await rm(partial, { force: true })
    signal.throwIfAborted()
    throw isMachineError(error) ? error : fileError('make', path, error)
  }
}

async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE)
  } catch {
    await rm(to, { force: true })
    await runChecked('driver', 'cp', ['--sparse=always', from, to], { signal })
  }
}

/** Name of a disk that is being made. */
export function partialOf(path: string): string {
  return `${path}.partial`
}

/** What `qemu-img info` says of an image. */
export interface ImageInfo {
  readonly format: string
  /** Bytes that the guest sees. */
  readonly virtualSize: number
  /** Another file that it needs, beneath it or for its content; a cloud image has none. */
  readonly other?: string
}

/** @throws MachineError `driver` when it is no disk image */
export async function imageInfo(path: string, signal: AbortSignal): Promise<ImageInfo> {
  const { stdout } = await runChecked('driver', 'qemu-img', ['info', '--output=json', path], { signal })
  const info = JSON.parse(stdout) as Record<string, unknown>
  const { data } = (info['format-specific'] ?? {}) as { data?: Readonly<Record<string, unknown>> }
  const other = info['backing-filename'] ?? info['full-backing-filename'] ?? data?.['data-file']
  return {
    format: String(info['format']),
    virtualSize: Number(info['virtual-size']),
    ...(typeof other === 'string' ? { other } : {}),
  }
}

/** Other formats name further files in ways of their own. */
const FORMATS = ['qcow2', 'raw']

/**
 * What is wrong with an image: all of it has to be in its file. Another one would be read as its user and given to the guest,
 * and whoever made the image chose which.
 */
export function imageFault(image: string, { format, other }: ImageInfo): PreflightFault | undefined {
  if (!FORMATS.includes(format))
    return {
      message: `The image ${image} is neither qcow2 nor raw, but ${format}`,
      hint: 'If you trust it: qemu-img convert -O qcow2',
    }
  if (other === undefined) return undefined
  return {
    message: `The image ${image} needs another file (${other})`,
    hint: 'If you trust it, flatten it: qemu-img convert -O qcow2',
  }
}

/** Our own copy of a cloud image, grown to the disk size; the guest grows its file system itself. */
export async function makeRootDisk(
  path: string,
  image: string,
  sizeMb: number,
  signal: AbortSignal,
): Promise<void> {
  if (existsSync(path)) return
  const info = await imageInfo(image, signal)
  const { format, virtualSize } = info
  const fault = imageFault(image, info)
  if (fault) throw new MachineError('driver', fault.message, { hints: fault.hint ? [fault.hint] : [] })
  const partial = partialOf(path)
  await rm(partial, { force: true })
  // qemu-img fills a file that is there, and leaves its mode.
  await (await open(partial, 'wx', 0o600)).close()
  await convert(image, format, partial, signal)
  if (sizeMb * MB > virtualSize)
    await runChecked('driver', 'qemu-img', ['resize', '-q', '-f', 'qcow2', partial, `${sizeMb}M`], { signal })
  await syncFile(partial)
  await rename(partial, path)
  await syncDirectory(dirname(path))
}

async function convert(image: string, format: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    await runChecked('driver', 'qemu-img', ['convert', '-f', format, '-O', 'qcow2', image, to], { signal })
  } catch (cause) {
    await rm(to, { force: true })
    signal.throwIfAborted()
    throw new MachineError('driver', `Cannot copy the image ${basename(image)}`, {
      cause,
      hints: [`Is there room? df -h`],
    })
  }
}
