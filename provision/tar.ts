/** One file of an archive. */
export interface TarEntry {
  readonly name: string
  readonly content: string | Buffer
  /** Octal permissions, as chmod takes them. */
  readonly mode: string
}

const BLOCK = 512

/** A POSIX (ustar) archive of plain files owned by root: what every tar unpacks, also busybox's. Names up to 100 bytes. */
export function tarArchive(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content)
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)
    return [header(entry, content.length), content, padding]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function header({ name, mode }: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`name too long for the archive: ${name}`)
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0)
  block.write(octal(parseInt(mode, 8), 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  block.write(octal(size, 11), 124)
  block.write(octal(0, 11), 136)
  block.write(' '.repeat(8), 148)
  block.write('0', 156)
  block.write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\0 `, 148)
  return block
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}
