/**
 * Makes a program start with our own loader and libraries, wherever it is installed. The two paths are written into the zero
 * bytes that fill up the page after a segment, so nothing in the file moves. (patchelf 0.18 moves sections, and the Go
 * programs of containerd that it wrote crashed at start; its 0.14 did not. What the build host has must not matter.)
 */
import {
  DYNAMIC_ENTRY_SIZE,
  DYNAMIC_RPATH,
  DYNAMIC_RUNPATH,
  DYNAMIC_STRINGS,
  parseElf,
  SEGMENT_INTERPRETER,
  SEGMENT_LOAD,
  type Elf,
  type Segment,
} from './elf.js'

const PAGE = 4096

/** Where a relocated program finds its loader and libraries: absolute paths. */
export interface Home {
  interpreter: string
  /** One directory. DT_RPATH, not RUNPATH: it also holds for libraries that a library asks for or opens later. */
  rpath: string
}

/**
 * Changes the program in place; static programs stay as they are. Throws when there is no room (a new toolchain packed
 * tighter), so that a build cannot go on with a half-changed file.
 */
export function relocate(bytes: Buffer, home: Home): void {
  const elf = parseElf(bytes)
  const start = elf.segments.find((segment) => segment.type === SEGMENT_INTERPRETER)
  if (!start) return
  if (elf.dynamic.some(({ tag }) => tag === DYNAMIC_RPATH || tag === DYNAMIC_RUNPATH))
    throw new Error('the program has a library path of its own already')
  if (elf.spareDynamic < 2) throw new Error('no spare entry in the dynamic section')
  const text = Buffer.from(`${home.interpreter}\0${home.rpath}\0`)
  const cave = takeCave(bytes, elf, text)
  const interpreterSize = Buffer.byteLength(home.interpreter) + 1
  writeSegment(bytes, { ...start, ...cave, fileSize: interpreterSize, memorySize: interpreterSize })
  addRpath(bytes, elf, cave.address + interpreterSize)
}

/** Puts `text` behind a loaded segment's last byte and makes the segment that much longer. */
function takeCave(bytes: Buffer, elf: Elf, text: Buffer): { offset: number; address: number } {
  const loads = elf.segments.filter((segment) => segment.type === SEGMENT_LOAD)
  const home = loads.find((segment) => hasRoom(bytes, segment, text.length))
  if (!home) throw new Error(`no ${text.length} spare bytes behind any segment`)
  const offset = home.offset + home.fileSize
  text.copy(bytes, offset)
  writeSegment(bytes, {
    ...home,
    fileSize: home.fileSize + text.length,
    memorySize: home.memorySize + text.length,
  })
  return { offset, address: home.address + home.fileSize }
}

function hasRoom(bytes: Buffer, segment: Segment, size: number): boolean {
  const end = segment.offset + segment.fileSize
  const pageEnd = Math.ceil(end / PAGE) * PAGE
  // A segment with zero-initialised memory (bss) has no file bytes behind it that stay as they are.
  if (segment.memorySize !== segment.fileSize || end + size > Math.min(pageEnd, bytes.length)) return false
  return bytes.subarray(end, end + size).every((byte) => byte === 0)
}

function addRpath(bytes: Buffer, elf: Elf, address: number): void {
  const strings = elf.dynamic.find((entry) => entry.tag === DYNAMIC_STRINGS)
  const last = elf.dynamic.at(-1)
  if (!strings || !last) throw new Error('no string table in the dynamic section')
  const at = last.at + DYNAMIC_ENTRY_SIZE
  bytes.writeBigUInt64LE(BigInt(DYNAMIC_RPATH), at)
  // The loader adds this to the table's address and does not look at the table's size.
  bytes.writeBigInt64LE(BigInt(address) - BigInt(strings.value), at + 8)
}

function writeSegment(bytes: Buffer, segment: Segment): void {
  bytes.writeBigUInt64LE(BigInt(segment.offset), segment.headerAt + 8)
  bytes.writeBigUInt64LE(BigInt(segment.address), segment.headerAt + 16)
  bytes.writeBigUInt64LE(BigInt(segment.address), segment.headerAt + 24)
  bytes.writeBigUInt64LE(BigInt(segment.fileSize), segment.headerAt + 32)
  bytes.writeBigUInt64LE(BigInt(segment.memorySize), segment.headerAt + 40)
}

/** Same-length replacements: paths through which glibc's loader would reach the host's libraries. */
const HOST_PATHS: readonly (readonly [string, string])[] = [
  ['/etc/ld.so.cache', '/etc/no.so.cache'],
  ['/etc/ld.so.preload', '/etc/no.so.preload'],
  ['/lib/x86_64-linux-gnu/', '/no!/x86_64-linux-gnu/'],
  ['\0/lib/\0', '\0/no!/\0'],
  ['/usr/lib/\0', '/usr/no!/\0'],
]

/**
 * Changes our copy of the loader in place so that it never looks into the host's library directories. Without this a
 * host whose nsswitch.conf names a module (systemd's) gets that module loaded into our glibc. Throws when a path is not found.
 */
export function isolateLoader(bytes: Buffer): void {
  for (const [from, to] of HOST_PATHS) {
    let at = bytes.indexOf(from)
    if (at < 0)
      throw new Error(`the loader does not hold ${JSON.stringify(from)}: cannot keep it off the host`)
    for (; at >= 0; at = bytes.indexOf(from, at)) bytes.write(to, at, 'latin1')
  }
}
