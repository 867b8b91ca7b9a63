/**
 * The few fields of 64-bit little-endian ELF files that packing needs: what a program is started with, which libraries
 * it asks for, and where its spare room is. Layout: System V ABI, "Object Files" and "Program Loading".
 */

export const SEGMENT_LOAD = 1
export const SEGMENT_DYNAMIC = 2
export const SEGMENT_INTERPRETER = 3

export const DYNAMIC_NEEDED = 1
export const DYNAMIC_STRINGS = 5
export const DYNAMIC_RPATH = 15
export const DYNAMIC_RUNPATH = 29

export const PROGRAM_HEADER_SIZE = 56
export const DYNAMIC_ENTRY_SIZE = 16
const HEADER_SIZE = 64

/** One program header. `headerAt` is where it stands in the file; sizes and offsets in bytes. */
export interface Segment {
  type: number
  headerAt: number
  offset: number
  address: number
  fileSize: number
  memorySize: number
}

/** One entry of the dynamic section; `at` is where it stands in the file. */
export interface DynamicEntry {
  at: number
  tag: number
  value: number
}

/** What is known about one ELF file. */
export interface Elf {
  segments: Segment[]
  /** Used entries, in order; the terminating null is not one of them. */
  dynamic: DynamicEntry[]
  /** Null entries after the last used one, the terminator included. */
  spareDynamic: number
  /** Program that loads it; undefined for libraries and static programs. */
  interpreter?: string
  /** Names of libraries that must be found at start. */
  needed: string[]
}

/** True when the bytes begin like a 64-bit little-endian ELF file. */
export function isElf(bytes: Buffer): boolean {
  return (
    bytes.length >= HEADER_SIZE && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1
  )
}

/** Reads headers and the dynamic section. Throws on anything that is not a sound 64-bit little-endian ELF file. */
export function parseElf(bytes: Buffer): Elf {
  if (!isElf(bytes)) throw new Error('not a 64-bit little-endian ELF file')
  const segments = readSegments(bytes)
  const section = segments.find((segment) => segment.type === SEGMENT_DYNAMIC)
  const { dynamic, spareDynamic } = section ? readDynamic(bytes, section) : { dynamic: [], spareDynamic: 0 }
  const strings = dynamic.find((entry) => entry.tag === DYNAMIC_STRINGS)
  const needed = dynamic
    .filter((entry) => entry.tag === DYNAMIC_NEEDED)
    .map((entry) => readString(bytes, toOffset(segments, (strings?.value ?? 0) + entry.value)))
  const start = segments.find((segment) => segment.type === SEGMENT_INTERPRETER)
  return {
    segments,
    dynamic,
    spareDynamic,
    needed,
    ...(start ? { interpreter: readString(bytes, start.offset) } : {}),
  }
}

function readSegments(bytes: Buffer): Segment[] {
  const first = Number(bytes.readBigUInt64LE(32))
  const count = bytes.readUInt16LE(56)
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * PROGRAM_HEADER_SIZE
    return {
      type: bytes.readUInt32LE(at),
      headerAt: at,
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      fileSize: Number(bytes.readBigUInt64LE(at + 32)),
      memorySize: Number(bytes.readBigUInt64LE(at + 40)),
    }
  })
}

function readDynamic(bytes: Buffer, section: Segment): { dynamic: DynamicEntry[]; spareDynamic: number } {
  const all = Array.from({ length: Math.floor(section.fileSize / DYNAMIC_ENTRY_SIZE) }, (_, index) => {
    const at = section.offset + index * DYNAMIC_ENTRY_SIZE
    return { at, tag: Number(bytes.readBigUInt64LE(at)), value: Number(bytes.readBigUInt64LE(at + 8)) }
  })
  const end = all.findIndex((entry) => entry.tag === 0)
  if (end < 0) throw new Error('dynamic section has no end')
  return { dynamic: all.slice(0, end), spareDynamic: all.length - end }
}

/** File offset of an address in memory. Throws when no loaded segment holds it. */
export function toOffset(segments: readonly Segment[], address: number): number {
  const home = segments.find(
    ({ type, address: start, fileSize }) =>
      type === SEGMENT_LOAD && address >= start && address < start + fileSize,
  )
  if (!home) throw new Error(`address 0x${address.toString(16)} is in no segment of the file`)
  return address - home.address + home.offset
}

function readString(bytes: Buffer, offset: number): string {
  const end = bytes.indexOf(0, offset)
  if (end < 0) throw new Error('string runs over the end of the file')
  return bytes.toString('utf8', offset, end)
}
