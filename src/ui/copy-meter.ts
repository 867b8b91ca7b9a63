import { oneLine } from '../util/text.js'
import type { TextSink } from './reporter.js'

/** How far a copy is. */
interface Progress {
  readonly file: string
  readonly done: number
  readonly total: number
}

const REDRAW_MS = 100

/** One line for the file under way, redrawn in place; a finished file keeps its line. */
export function copyMeter(
  stream: TextSink,
  now: () => number = () => performance.now(),
): (progress: Progress) => void {
  let [drawn, last] = [-Infinity, '']
  return ({ file, done, total }) => {
    const finished = done >= total
    if (!finished && file === last && now() - drawn < REDRAW_MS) return
    ;[drawn, last] = [now(), file]
    const share = total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : 100
    const text = `${String(share).padStart(3)}% ${size(done).padStart(8)}  ${oneLine(file)}`
    stream.write(`\r${text.slice(0, (stream.columns || 80) - 1)}\u001b[K${finished ? '\n' : ''}`)
  }
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

function size(bytes: number): string {
  const step = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log(bytes) / Math.log(1024)))
  const value = bytes / 1024 ** step
  return `${step === 0 ? value : value.toFixed(1)} ${UNITS[step]}`
}
