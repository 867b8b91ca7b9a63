/** One file of an initramfs. Everything belongs to root and carries the archive's one time stamp. */
export type CpioEntry =
  | { name: string; type: 'dir' }
  | { name: string; type: 'file'; data: Buffer; mode: number }
  | { name: string; type: 'link'; target: string }
  | { name: string; type: 'char'; major: number; minor: number; mode: number }

const TYPE_BITS = { dir: 0o040000, file: 0o100000, link: 0o120000, char: 0o020000 } as const
const TRAILER = 'TRAILER!!!'

/**
 * Packs entries, in the given order, into a cpio archive of the "new ASCII" form
 * (Linux: Documentation/driver-api/early-userspace/buffer-format.rst). `time` in seconds.
 */
export function packCpio(entries: readonly CpioEntry[], time: number): Buffer {
  const parts = entries.map((entry, index) => packEntry(entry, index + 1, time))
  parts.push(record(TRAILER, Buffer.alloc(0), { ino: 0, mode: 0, links: 1, time: 0, major: 0, minor: 0 }))
  return Buffer.concat(parts)
}

function packEntry(entry: CpioEntry, ino: number, time: number): Buffer {
  const node = entry.type === 'char' ? { major: entry.major, minor: entry.minor } : { major: 0, minor: 0 }
  const mode = TYPE_BITS[entry.type] | modeOf(entry)
  return record(entry.name, contentOf(entry), {
    ino,
    mode,
    links: entry.type === 'dir' ? 2 : 1,
    time,
    ...node,
  })
}

function modeOf(entry: CpioEntry): number {
  if (entry.type === 'link') return 0o777
  return entry.type === 'dir' ? 0o755 : entry.mode
}

function contentOf(entry: CpioEntry): Buffer {
  if (entry.type === 'file') return entry.data
  return entry.type === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0)
}

interface Head {
  ino: number
  mode: number
  links: number
  time: number
  major: number
  minor: number
}

function record(name: string, data: Buffer, head: Head): Buffer {
  const nameBytes = Buffer.from(`${name}\0`)
  const { ino, mode, links, time, major, minor } = head
  const numbers = [ino, mode, 0, 0, links, time, data.length, 0, 0, major, minor, nameBytes.length, 0]
  const header = Buffer.from(`070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([padded(Buffer.concat([header, nameBytes])), padded(data)])
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}
