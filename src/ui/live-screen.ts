import type { TextSink } from './reporter.js'

/** A reader of a table needs no more, and a fast answer is never drawn twice. */
const DRAW_MS = 100
/** A long table is drawn less often: drawing takes a tenth of the time and no more. */
const SHARE = 10

/** A text on a terminal that is drawn again in place, cut to what the terminal shows. */
export class LiveScreen {
  #text = (): string => ''
  #drawn = 0
  #tookMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(private readonly stream: TextSink) {}

  /** Shows this from now on, a moment later and with what else changes until then; it is asked for only then. */
  show(text: () => string): void {
    this.#text = text
    this.#timer ??= setTimeout(() => this.#draw(), Math.max(DRAW_MS, SHARE * this.#tookMs))
  }

  /** Takes it off the terminal: what is written next stands in its place. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.stream.write(this.#erasure())
    this.#drawn = 0
  }

  #draw(): void {
    this.#timer = undefined
    const started = performance.now()
    const lines = this.#fitting()
    this.#tookMs = performance.now() - started
    this.stream.write(this.#erasure() + lines.map((line) => `${line}\n`).join(''))
    this.#drawn = lines.length
  }

  #erasure(): string {
    return this.#drawn > 0 ? `\r\u001b[${this.#drawn}A\u001b[J` : ''
  }

  /** One row stays free for the cursor; a line that would wrap is cut. */
  #fitting(): readonly string[] {
    const [width, height] = [(this.stream.columns || 80) - 1, Math.max(2, (this.stream.rows || 24) - 1)]
    const lines = this.#text().replace(/\n$/, '').split('\n')
    const shown = lines.length > height ? [...lines.slice(0, height - 1), more(lines, height)] : lines
    return shown.map((line) => [...line].slice(0, width).join(''))
  }
}

function more(lines: readonly string[], height: number): string {
  return `... and ${lines.length - height + 1} more`
}
