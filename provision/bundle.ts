import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError, messageOf } from '../src/contracts/errors.js'
import { fileError } from '../src/util/file-error.js'
import type { BundleSizes } from './control.js'

/** The engine bundle on this computer (docs/boot-image.md): a gzipped part that can unpack the other. */
export interface Bundle {
  readonly parts: readonly { readonly path: string; readonly size: number }[]
  readonly sizes: BundleSizes
  readonly bytes: number
}

const PARTS = ['bootstrap.tar.gz', 'engine.tar.zst'] as const
/** Unpacked size over packed size, generously, and room for the engine to start. */
const EXPANSION = 4

/**
 * Opens a bundle directory.
 * @throws MachineError `image` when it is incomplete or of another version than the plan says
 */
export async function openBundle(dir: string, version: string): Promise<Bundle> {
  const found = await manifestVersion(dir)
  if (found !== version)
    throw new MachineError('image', `The engine bundle in ${dir} is ${found}, and the plan needs ${version}`)
  const parts = await Promise.all(
    PARTS.map(async (name) => ({ path: join(dir, name), size: (await stat(join(dir, name))).size })),
  )
  const bytes = parts.reduce((sum, part) => sum + part.size, 0)
  return {
    parts,
    bytes,
    sizes: { bootstrap: parts[0]?.size ?? 0, needKiB: Math.ceil((bytes * EXPANSION) / 1024) },
  }
}

async function manifestVersion(dir: string): Promise<string> {
  try {
    const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')) as { version?: unknown }
    return String(manifest.version)
  } catch (cause) {
    throw new MachineError('image', `The engine bundle in ${dir} cannot be read: ${messageOf(cause)}`, {
      cause,
      hints: ['tsmachine image build engine'],
    })
  }
}

/**
 * Control archive and bundle as one stream, with the bytes handed over so far.
 * @throws MachineError `store` when a part cannot be read
 */
export async function* applyStream(
  control: Buffer,
  bundle: Bundle | undefined,
  sent: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let total = 0
  yield control
  for (const part of bundle?.parts ?? [])
    try {
      for await (const chunk of createReadStream(part.path, { highWaterMark: 256 * 1024 })) {
        total += (chunk as Buffer).length
        sent(total)
        yield chunk as Buffer
      }
    } catch (error) {
      throw fileError('read', part.path, error)
    }
}
