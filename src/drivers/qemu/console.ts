import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import type { Clock } from '../../contracts/clock.js'
import type { ConsoleOptions } from '../../contracts/driver.js'
import { isMachineError } from '../../contracts/errors.js'
import { BoundedLines } from '../../util/bounded-lines.js'
import { waitFor } from '../../util/wait.js'

const TAIL_BYTES = 64 * 1024
const PIECE_BYTES = 1024 * 1024
const LONGEST_LINE = 64 * 1024
const FOLLOW_INTERVAL_MS = 200
/** One wait of `follow`; it is begun again until the reader stops. */
const FOLLOW_MS = 3_600_000

/** The end of a console file; undefined when the guest has said nothing. */
export function consoleTail(path: string, bytes = TAIL_BYTES): string | undefined {
  const text = readFrom(path, -bytes, bytes).bytes.toString('utf8')
  return text.trim() === '' ? undefined : text
}

/**
 * Lines of the console since the VM was started (a guest's own reboot is in it). With `follow` it goes on until the
 * signal is aborted.
 */
export async function* consoleLines(
  path: string,
  options: ConsoleOptions,
  clock: Clock,
): AsyncIterable<string> {
  const { lines: count, follow, signal } = options
  const reader = new ConsoleReader(path, count === undefined ? 0 : -TAIL_BYTES)
  const last: string[] = []
  for (let lines = reader.next(); lines !== undefined; lines = reader.next())
    if (count === undefined) yield* lines
    else last.push(...lines)
  if (!follow) last.push(...reader.end())
  yield* count === undefined ? last : last.slice(Math.max(0, last.length - count))
  while (follow && !signal?.aborted) {
    const more = await nextLines(reader, clock, signal)
    if (more === undefined) return
    yield* more
  }
}

/** Reads a console file piece by piece: a guest may have written gigabytes, and without any newline. */
class ConsoleReader {
  readonly #decoder = new StringDecoder('utf8')
  readonly #cutter = new BoundedLines((line) => this.#lines.push(clean(line)), { longest: LONGEST_LINE })
  #lines: string[] = []

  constructor(
    private readonly path: string,
    /** Negative: from the end. */
    private at: number,
  ) {}

  /** Lines that end in the next piece; undefined when there is none yet. */
  next(): readonly string[] | undefined {
    const { bytes, end } = readFrom(this.path, this.at, PIECE_BYTES)
    if (bytes.length === 0) return undefined
    this.at = end
    this.#cutter.add(this.#decoder.write(bytes))
    return this.#taken()
  }

  /** A last line without newline. */
  end(): readonly string[] {
    this.#cutter.add(this.#decoder.end())
    this.#cutter.end()
    return this.#taken()
  }

  #taken(): readonly string[] {
    const lines = this.#lines
    this.#lines = []
    return lines
  }
}

/** Lines that have come; none after a long silence; undefined when the reader has stopped. */
async function nextLines(
  reader: ConsoleReader,
  clock: Clock,
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  try {
    return await waitFor('more console output', () => Promise.resolve(reader.next()), {
      deadlineMs: FOLLOW_MS,
      intervalMs: FOLLOW_INTERVAL_MS,
      maxIntervalMs: FOLLOW_INTERVAL_MS,
      clock,
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (signal?.aborted) return undefined
    if (isMachineError(error) && error.code === 'timeout') return []
    throw error
  }
}

function clean(line: string): string {
  return line.replace(/\r/g, '')
}

interface Piece {
  readonly bytes: Buffer
  readonly end: number
}

/** Reads from an offset (negative: from the end), so many bytes at most. A file that became shorter is read from its start. */
function readFrom(path: string, offset: number, most: number): Piece {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return { bytes: Buffer.alloc(0), end: 0 }
  }
  try {
    const { size } = fstatSync(file)
    const wanted = offset < 0 ? Math.max(0, size + offset) : offset
    const start = wanted > size ? 0 : wanted
    const buffer = Buffer.alloc(Math.min(size - start, most))
    const count = readSync(file, buffer, 0, buffer.length, start)
    return { bytes: buffer.subarray(0, count), end: start + count }
  } finally {
    closeSync(file)
  }
}

const PANIC = 'Kernel panic - not syncing'

/** The guest kernel's last words, if it stopped and has not begun again since. */
export function panicOnConsole(tail: string | undefined): string | undefined {
  const at = tail?.lastIndexOf(PANIC) ?? -1
  if (tail === undefined || at < 0) return undefined
  const rest = tail.slice(at)
  const afterReboot = rest.split(/Rebooting in \d+ seconds\.\.\r?\n/)[1]
  return afterReboot?.trim() ? undefined : rest.split('\n')[0]?.trim()
}

/**
 * The guest's own address as it says it: our image with `tsmachine-init: network eth0 10.1.2.3`, cloud-init with a table
 * `| ens3 | True | 10.1.2.3 | 255.255.255.0 | global | 52:54:.. |`. The last one counts.
 */
export function addressOnConsole(tail: string | undefined): string | undefined {
  const said = [
    ...(tail ?? '').matchAll(/tsmachine-init: (?:network|address) \S+ (\d+\.\d+\.\d+\.\d+)/g),
    ...(tail ?? '').matchAll(/ci-info: \|\s*(?!lo\b)\w+\s*\|\s*True\s*\|\s*(\d+\.\d+\.\d+\.\d+)\s*\|/g),
  ]
  return said.at(-1)?.[1]
}
