import { createHash } from 'node:crypto'
import { lstat, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError, messageOf } from '../contracts/errors.js'
import type { ArtefactOptions } from '../contracts/image.js'
import { download } from '../util/download.js'
import { findArtefactDir, MAX_BYTES, unpackArchive } from './import.js'
import { imageError } from './manifest.js'

/** How a source is read. `staged` is an empty directory on the cache's file system. */
export interface OpenOptions extends ArtefactOptions {
  readonly cacheDir: string
  readonly staged: string
  /** Expected SHA-256 of a downloaded file. */
  readonly sha256?: string
  /** The caller compares what comes with a hash of its own, so the way need not be encrypted. */
  readonly pinned?: boolean
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/
const REPORT_EVERY = 1024 ** 2

/**
 * Directory of the artefact that a directory, an archive or a URL of an archive holds. Nothing is checked yet.
 * @throws MachineError `not-found`, or `image` when it is no artefact
 */
export async function openSource(source: string, options: OpenOptions): Promise<string> {
  if (!isUrl(source)) return await openPath(source, options)
  refusePlainHttp(source, options)
  const file = await fetchFile(source, options)
  try {
    return await openPath(file, options)
  } finally {
    await rm(file, { force: true })
  }
}

async function openPath(path: string, { staged, signal }: OpenOptions): Promise<string> {
  const found = await lstat(path).catch((error: unknown) => {
    throw new MachineError('not-found', `Cannot read ${path}: ${messageOf(error)}`, { cause: error })
  })
  if (found.isDirectory()) return await findArtefactDir(path)
  await unpackArchive(path, staged, signal)
  return await findArtefactDir(staged)
}

/** Into the cache under a name made from the URL: a broken download is continued by the next call. */
async function fetchFile(url: string, options: OpenOptions): Promise<string> {
  const name = createHash('sha256').update(url).digest('hex').slice(0, 32)
  const to = join(options.cacheDir, 'downloads', name)
  let told = 0
  await download({
    url,
    to,
    maxBytes: MAX_BYTES,
    signal: options.signal,
    ...(options.sha256 === undefined ? {} : { sha256: options.sha256 }),
    onProgress: (done, total) => {
      if (done - told < REPORT_EVERY) return
      told = done
      options.report({
        type: 'progress',
        text: 'Downloading',
        done,
        ...(total === undefined ? {} : { total }),
      })
    },
  })
  return to
}

/** An artefact vouches for itself only: without encryption or a hash from elsewhere, anyone on the way could swap it. */
function refusePlainHttp(url: string, options: OpenOptions): void {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'http:' || LOOPBACK.test(hostname) || options.sha256 !== undefined || options.pinned)
    return
  throw imageError(`Refusing to take a boot image or engine bundle over plain http from ${hostname}`, [
    'Use https, or say which file you expect: --sha256 HEX',
  ])
}

function isUrl(source: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(source) && URL.canParse(source)
}
