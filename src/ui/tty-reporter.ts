import type { ReportEvent } from '../contracts/events.js'
import { neutralise, oneLine } from '../util/text.js'
import { plainLine } from './plain-reporter.js'
import type { Reporter, ReporterOptions, TextSink } from './reporter.js'

const FRAMES = ['-', '\\', '|', '/'] as const
const FRAME_MS = 120
const MARKS = { done: '\u001b[32m\u2713\u001b[0m', failed: '\u001b[31m\u2717\u001b[0m' } as const

interface Step {
  readonly label: string
  readonly startedAt: number
  detail: string
}

/**
 * A live list of steps for a terminal: finished steps stay as lines with their time, running ones are redrawn below
 * with a spinner and the last progress. Several machines may run side by side.
 */
export function ttyReporter(options: ReporterOptions, now: () => number = () => performance.now()): Reporter {
  const list = new LiveList(options.stream, now)
  return {
    report(event) {
      if (event.type === 'debug') return
      list.take(event)
    },
    hold: (work) => list.hold(work),
    close: () => list.close(),
  }
}

class LiveList {
  readonly #steps = new Map<string, Step>()
  #drawn = 0
  #frame = 0
  #timer: NodeJS.Timeout | undefined
  #held: ReportEvent[] | undefined

  constructor(
    private readonly stream: TextSink,
    private readonly now: () => number,
  ) {}

  /** Nothing is drawn while a question stands on the terminal. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#erase()
    this.#held = []
    try {
      return await work()
    } finally {
      const told = this.#held
      this.#held = undefined
      for (const event of told) this.take(event)
      this.#redraw()
    }
  }

  take(event: ReportEvent): void {
    if (this.#held) {
      this.#held.push(event)
      return
    }
    if (event.type === 'stage') this.#stage(event)
    else if (event.type === 'progress' || event.type === 'step') this.#progress(event)
    else if (event.type !== 'part') this.#print(plainLine(event) ?? '')
  }

  close(): void {
    this.#erase()
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = undefined
    this.#steps.clear()
  }

  #stage(event: Extract<ReportEvent, { type: 'stage' }>): void {
    const key = `${event.machine}/${event.stage}`
    if (event.state === 'start') {
      this.#steps.set(key, { label: `${event.machine}: ${event.text}`, startedAt: this.now(), detail: '' })
      this.#redraw()
      this.#timer ??= this.#startTimer()
      return
    }
    const step = this.#steps.get(key)
    this.#steps.delete(key)
    const label = step?.label ?? `${event.machine}: ${event.text}`
    this.#print(
      `${MARKS[event.state]} ${oneLine(label)}${step ? ` (${elapsed(this.now() - step.startedAt)})` : ''}`,
      true,
    )
  }

  #progress(event: Extract<ReportEvent, { type: 'progress' | 'step' }>): void {
    const step = [...this.#steps.entries()].reverse().find(([key]) => ofMachine(key, event.machine))?.[1]
    if (!step) return
    const share =
      event.type === 'progress' && event.done !== undefined && event.total
        ? ` ${Math.floor((100 * event.done) / event.total)}%`
        : ''
    step.detail = oneLine(event.text) + share
  }

  /** A text of ours may have lines, as the table of `gc`. */
  #print(text: string, trusted = false): void {
    this.#erase()
    this.stream.write(`${trusted ? text : neutralise(text)}\n`)
    this.#redraw()
  }

  #startTimer(): NodeJS.Timeout {
    const timer = setInterval(() => {
      this.#frame++
      this.#redraw()
    }, FRAME_MS)
    timer.unref()
    return timer
  }

  #erase(): void {
    if (this.#drawn > 0) this.stream.write(`\r\u001b[${this.#drawn}A\u001b[J`)
    this.#drawn = 0
  }

  #redraw(): void {
    if (this.#held) return
    this.#erase()
    const width = (this.stream.columns || 80) - 1
    const lines = this.#fitting([...this.#steps.values()].map((step) => this.#line(step)))
    for (const line of lines) this.stream.write(`${line.slice(0, width)}\n`)
    this.#drawn = lines.length
  }

  /** What has left the screen at the top cannot be erased again. */
  #fitting(lines: readonly string[]): readonly string[] {
    const height = Math.max(2, (this.stream.rows || 24) - 1)
    if (lines.length <= height) return lines
    return [...lines.slice(0, height - 1), `... and ${lines.length - height + 1} more`]
  }

  #line(step: Step): string {
    const detail = step.detail === '' ? '' : ` - ${step.detail}`
    return `${FRAMES[this.#frame % FRAMES.length]} ${oneLine(step.label)} ${elapsed(this.now() - step.startedAt)}${detail}`
  }
}

function ofMachine(key: string, machine: string | undefined): boolean {
  return machine === undefined || key.startsWith(`${machine}/`)
}

function elapsed(ms: number): string {
  const seconds = ms / 1000
  return seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
}
