import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Duplex, type Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { findProgram } from '../util/exec.js'
import { imageError } from './manifest.js'

/** Compressions by the first bytes of a file. */
const FORMATS: readonly { readonly magic: string; open(file: Readable, signal?: AbortSignal): Readable }[] = [
  { magic: '1f8b', open: (file) => through(file, zlib.createGunzip()) },
  { magic: '28b52ffd', open: openZstd },
]

/** Bytes of a file, decompressed when it begins like gzip or zstd. Errors come out of the stream. */
export async function openDecompressed(path: string, signal?: AbortSignal): Promise<Readable> {
  const magic = await firstBytes(path)
  const file = createReadStream(path, signal ? { signal } : {})
  return FORMATS.find((format) => magic.startsWith(format.magic))?.open(file, signal) ?? file
}

/** Node 20 has no zstd: the program does it there. */
function openZstd(file: Readable, signal?: AbortSignal): Readable {
  const create = (zlib as { createZstdDecompress?: () => Duplex }).createZstdDecompress
  if (create) return through(file, create())
  if (!findProgram('zstd')) {
    file.destroy()
    throw imageError('The program "zstd" is needed to read this file and is not installed', [
      'Install it (sudo apt-get install zstd), or use a .tar.gz file.',
    ])
  }
  const child = spawn('zstd', ['-dcq'], { stdio: ['pipe', 'pipe', 'ignore'], ...(signal ? { signal } : {}) })
  // What a failing program leaves out is missed by the archive reader or the hashes.
  child.on('error', (error) => child.stdout.destroy(error))
  pipeline(file, child.stdin, () => undefined)
  return child.stdout
}

function through(file: Readable, stream: Duplex): Readable {
  // The reader of `stream` gets the error.
  return pipeline(file, stream, () => undefined)
}

async function firstBytes(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.toString('hex', 0, bytesRead)
  } finally {
    await file.close()
  }
}
