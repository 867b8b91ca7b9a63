import { systemClock } from '../src/util/clock.js'

/** A file system without room. */
export interface FullDisk {
  readonly mount: string
  /** Bytes, or files where it has no inodes left. */
  readonly size: number
  readonly free: number
  readonly of: 'bytes' | 'files'
}

/** What a host's system says is wrong, beside what the failed program says. */
export interface HostTrouble {
  readonly full: readonly FullDisk[]
  /** Programs that the kernel ended for want of memory, in its words. */
  readonly killed: readonly string[]
  readonly memoryBytes: number | undefined
  /** Seconds that its clock is ahead of this computer's. */
  readonly clockSkewS: number
  readonly clock: Date | undefined
}

/** Run where the host's log is read; it takes nothing but the prefix of all paths. */
export const TROUBLE_SCRIPT = 'lib/trouble.sh'
const MARK = '@@host '
/** Where no file system is known to be full. */
export const FREE_SPACE = 'Free some space on the host, then run the command again.'
const MEGABYTE = 1_000_000
/** A clock further off than this explains refused certificates. */
const SKEW_S = 300

/** Separates the lines of trouble.sh from others of the same output. */
export function splitTrouble(
  output: string,
  now = systemClock.now(),
): { text: string; trouble: HostTrouble } {
  const all = output.split('\n')
  const said = all.filter((line) => line.startsWith(MARK)).map((line) => line.slice(MARK.length))
  const text = all.filter((line) => !line.startsWith(MARK)).join('\n')
  return { text, trouble: parseTrouble(said, now) }
}

/** @param lines of trouble.sh, without their mark */
export function parseTrouble(lines: readonly string[], now = systemClock.now()): HostTrouble {
  const of = (kind: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1))
  const seconds = number(of('clock')[0])
  const memory = number(of('memory')[0]?.split(' ')[0])
  return {
    full: [
      ...of('full').flatMap((line) => fullDisk(line, 'bytes')),
      ...of('inodes').flatMap((line) => fullDisk(line, 'files')),
    ],
    killed: of('killed'),
    memoryBytes: memory === undefined ? undefined : memory * 1024,
    clockSkewS: seconds === undefined ? 0 : Math.round(seconds - now.getTime() / 1000),
    clock: seconds === undefined ? undefined : new Date(seconds * 1000),
  }
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined
}

/** `MOUNT SIZE FREE`; a mount point may have blanks. */
function fullDisk(line: string, of: FullDisk['of']): readonly FullDisk[] {
  const [, mount, size, free] = /^(.*) (\d+) (\d+)$/.exec(line) ?? []
  if (mount === undefined) return []
  const factor = of === 'bytes' ? 1024 : 1
  return [{ mount, size: Number(size) * factor, free: Number(free) * factor, of }]
}

/** What is wrong, a sentence each without its full stop; none where nothing is. */
export function troubleTexts(trouble: HostTrouble, now = systemClock.now()): readonly string[] {
  return [...trouble.full.map(fullText), ...killedTexts(trouble), ...clockTexts(trouble, now)]
}

function fullText({ mount, size, free, of }: FullDisk): string {
  const room = of === 'bytes' ? `${amount(free)} free of ${amount(size)}` : `${free} inodes free of ${size}`
  return `The host's file system ${mount} is full (${room})`
}

function amount(bytes: number): string {
  return bytes === 0 || bytes >= MEGABYTE
    ? `${Math.floor(bytes / MEGABYTE)} MB`
    : `${Math.floor(bytes / 1000)} kB`
}

function killedTexts({ killed, memoryBytes }: HostTrouble): readonly string[] {
  const last = killed.at(-1)
  if (last === undefined) return []
  const size = memoryBytes === undefined ? '' : ` (${amount(memoryBytes)})`
  return [`The host has run out of memory${size}: ${last}`]
}

function clockTexts(trouble: HostTrouble, now: Date): readonly string[] {
  if (!isClockWrong(trouble)) return []
  return [`The host's clock says ${stamp(trouble.clock)}, this computer's ${stamp(now)}`]
}

function isClockWrong(trouble: HostTrouble): trouble is HostTrouble & { readonly clock: Date } {
  return trouble.clock !== undefined && Math.abs(trouble.clockSkewS) > SKEW_S
}

function stamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z')
}

/**
 * What to type against it, most useful first.
 * @param again the command that goes on when it is mended
 */
export function troubleHints(
  trouble: HostTrouble,
  machine: string,
  again = `tsmachine provision ${machine}`,
): readonly string[] {
  return [
    ...trouble.full.map((disk) => roomHint(disk, machine, again)),
    ...(trouble.killed.length > 0
      ? [`Give the host more memory, or end what needs it there; then: ${again}`]
      : []),
    ...(isClockWrong(trouble) ? clockHints(trouble, machine, again) : []),
  ]
}

/** The host's words are not for pasting unless they are plain. */
function roomHint({ mount }: FullDisk, machine: string, again: string): string {
  const look = /^[\w./-]+$/.test(mount) ? ` -- sudo du -xh -d 2 ${mount}` : ''
  return `Make room there (tsmachine ssh ${machine}${look}), then: ${again}`
}

/** Nothing here knows which of the two clocks is wrong. */
function clockHints({ clockSkewS }: HostTrouble, machine: string, again: string): readonly string[] {
  const seconds = `$(($(date +%s) ${clockSkewS > 0 ? '-' : '+'} ${Math.abs(clockSkewS)}))`
  return [
    `If the host's clock is wrong: tsmachine ssh ${machine} -- 'sudo date -s @${seconds}', then: ${again}`,
    'If this computer’s clock is wrong, set it.',
  ]
}
