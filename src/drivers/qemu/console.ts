import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Clock } from '../../contracts/clock.js'
import type { ConsoleOptions } from '../../contracts/driver.js'
import { waitFor } from '../../util/wait.js'

const TAIL_BYTES = 64 * 1024
const FOLLOW_INTERVAL_MS = 200
/** One wait of `follow`; it is begun again until the reader stops. */
const FOLLOW_MS = 3_600_000

/** The end of a console file; undefined when the guest has said nothing. */
export function consoleTail(path: string, bytes = TAIL_BYTES): string | undefined {
  const { text } = readFrom(path, -bytes)
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
  const whole = options.lines === undefined
  let { text, end } = readFrom(path, whole ? 0 : -TAIL_BYTES)
  const lines = text.split('\n')
  let rest = lines.pop() ?? ''
  if (!options.follow && rest !== '') [lines[lines.length], rest] = [rest, '']
  for (const line of options.lines === undefined ? lines : lines.slice(-options.lines)) yield clean(line)
  while (options.follow && !options.signal?.aborted) {
    const more = await nextPart(path, end, clock, options.signal)
    if (more === undefined) return
    ;({ text, end } = more)
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) yield clean(line)
  }
}

async function nextPart(
  path: string,
  from: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Part | undefined> {
  try {
    return await waitFor(
      'more console output',
      () => {
        const part = readFrom(path, from)
        return Promise.resolve(part.text === '' ? undefined : part)
      },
      {
        deadlineMs: FOLLOW_MS,
        intervalMs: FOLLOW_INTERVAL_MS,
        maxIntervalMs: FOLLOW_INTERVAL_MS,
        clock,
        ...(signal ? { signal } : {}),
      },
    )
  } catch (error) {
    if (signal?.aborted) return undefined
    throw error
  }
}

function clean(line: string): string {
  return line.replace(/\r/g, '')
}

interface Part {
  readonly text: string
  readonly end: number
}

/** Reads from an offset (negative: from the end) to the end. A file that became shorter is read from its start. */
function readFrom(path: string, offset: number): Part {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return { text: '', end: 0 }
  }
  try {
    const { size } = fstatSync(file)
    const wanted = offset < 0 ? Math.max(0, size + offset) : offset
    const start = wanted > size ? 0 : wanted
    const buffer = Buffer.alloc(size - start)
    const bytes = readSync(file, buffer, 0, buffer.length, start)
    return { text: buffer.toString('utf8', 0, bytes), end: start + bytes }
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
