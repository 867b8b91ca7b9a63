/**
 * Reads tar archives (ustar, with GNU and pax long names and sizes) as a stream. Only plain files and directories:
 * artefacts hold nothing else, and links are how archives break out of the directory they are unpacked into.
 */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { imageError } from './manifest.js'

const BLOCK = 512
/** Files, directories and what is said about them: a file of headers alone would be read for days. */
const MAX_ENTRIES = 1_000
/** A metadata entry (pax header, long name) larger than this is an attack. */
const MAX_META = 64 * 1024

/** Limits of one extraction. */
export interface ExtractOptions {
  /** Bytes of all files together; more is refused. */
  readonly maxBytes: number
  readonly signal?: AbortSignal
}

interface Header {
  readonly name: string
  readonly size: number
  readonly type: string
}

/**
 * Unpacks into `dir`.
 * @throws MachineError `image` on absolute or `..` paths, links, devices, broken headers, truncation and too many bytes
 */
export async function extractTar(input: Readable, dir: string, options: ExtractOptions): Promise<void> {
  const reader = new BlockReader(input)
  let bytes = 0
  let entries = 0
  let overrides: Partial<Header> = {}
  for (;;) {
    options.signal?.throwIfAborted()
    const block = await reader.take(BLOCK)
    if (!block || block.every((byte) => byte === 0)) return
    const header = { ...parseHeader(block), ...overrides }
    if (++entries > MAX_ENTRIES) throw imageError('The archive holds too much')
    if (isMeta(header.type)) {
      if (header.size > MAX_META) throw imageError('The archive has a header that is too large')
      overrides = { ...overrides, ...parseMeta(header.type, await readAll(reader, header.size)) }
      continue
    }
    overrides = {}
    bytes += header.size
    if (bytes > options.maxBytes) throw imageError('The archive holds too much')
    await extractEntry(reader, header, dir)
  }
}

async function extractEntry(reader: BlockReader, header: Header, dir: string): Promise<void> {
  const path = join(dir, safePath(header.name))
  if (header.type === '5') {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return
  }
  if (header.type !== '0')
    throw imageError(`The archive holds a link or device, which is refused: ${header.name}`)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await pipeline(
    Readable.from(reader.stream(header.size)),
    createWriteStream(path, { flags: 'wx', mode: 0o600 }),
  )
}

function safePath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (name.startsWith('/') || name.includes('\0') || name.includes('\\') || parts.includes('..'))
    throw imageError(
      `The archive holds a path that leads out of it, which is refused: ${JSON.stringify(name)}`,
    )
  return parts.join('/')
}

function parseHeader(block: Buffer): Header {
  const sum = parseOctal(block, 148, 8)
  let real = 0
  for (let at = 0; at < BLOCK; at++) real += at >= 148 && at < 156 ? 32 : (block[at] ?? 0)
  if (sum !== real) throw imageError('The archive is damaged or not a tar archive')
  const prefix = block.toString('latin1', 257, 262) === 'ustar' ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  const type = String.fromCharCode(block[156] ?? 0)
  return {
    name: prefix ? `${prefix}/${name}` : name,
    size: parseOctal(block, 124, 12),
    type: type === '\0' || type === '7' ? '0' : type,
  }
}

function isMeta(type: string): boolean {
  return type === 'x' || type === 'g' || type === 'L'
}

function parseMeta(type: string, body: Buffer): Partial<Header> {
  if (type === 'g') return {}
  if (type === 'L') return { name: text(body, 0, body.length) }
  const fields: { name?: string; size?: number } = {}
  for (const [, key, value] of body.toString('utf8').matchAll(/^\d+ ([^=\n]+)=(.*)$/gm)) {
    if (key === 'path' && value !== undefined) fields.name = value
    if (key === 'size' && value !== undefined) fields.size = checkSize(Number(value))
  }
  return fields
}

function text(block: Buffer, at: number, size: number): string {
  const end = block.indexOf(0, at)
  return block.toString('utf8', at, end < 0 || end > at + size ? at + size : end)
}

function parseOctal(block: Buffer, at: number, size: number): number {
  const digits = block
    .toString('latin1', at, at + size)
    .replace(/[\0 ]+$/, '')
    .trim()
  if (!/^[0-7]*$/.test(digits)) throw imageError('The archive is damaged or not a tar archive')
  return checkSize(Number.parseInt(digits || '0', 8))
}

function checkSize(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0)
    throw imageError('The archive is damaged: it has an impossible size')
  return size
}

async function readAll(reader: BlockReader, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of reader.stream(size)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Hands out a stream's bytes in the pieces that tar thinks in. */
class BlockReader {
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(input: Readable) {
    this.#chunks = (input as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  }

  /** Exactly `size` bytes; undefined at the end of the stream. */
  async take(size: number): Promise<Buffer | undefined> {
    while (this.#rest.length < size) {
      const next = await this.#chunks.next()
      if (next.done) {
        if (this.#rest.length === 0) return undefined
        throw imageError('The archive ends too early')
      }
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value])
    }
    const taken = this.#rest.subarray(0, size)
    this.#rest = this.#rest.subarray(size)
    return taken
  }

  /** An entry's bytes as they come, without the padding to the next block. */
  async *stream(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0;) {
      const piece = await this.take(Math.min(left, Math.max(BLOCK, this.#rest.length)))
      if (!piece) throw imageError('The archive ends too early')
      left -= piece.length
      yield piece
    }
    const padding = (BLOCK - (size % BLOCK)) % BLOCK
    if (padding > 0 && !(await this.take(padding))) throw imageError('The archive ends too early')
  }
}
