/** Longest line that is handed on, if nothing else is said; the rest of a longer one is dropped. */
export const LONGEST_LINE = 8_192

/** How much of a line is kept, and what happens to one that is longer. */
export interface LineLimits {
  /** Characters. */
  readonly longest?: number
  /** Called once for a line that is longer, and no line is handed on any more. Without it, a longer line is cut. */
  readonly onTooLong?: () => void
}

/** Cuts a stream of text into lines. However long a line is, no more than `longest` characters of it are kept. */
export class BoundedLines {
  readonly #longest: number
  readonly #onTooLong: (() => void) | undefined
  #line = ''
  #dropped = 0
  #refused = false

  constructor(
    private readonly onLine: (line: string) => void,
    { longest = LONGEST_LINE, onTooLong }: LineLimits = {},
  ) {
    this.#longest = longest
    this.#onTooLong = onTooLong
  }

  add(text: string): void {
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#grow(text, from, end)
      this.#flush()
      from = end + 1
    }
    this.#grow(text, from, text.length)
  }

  /** The stream is over: what has no newline is a line too. */
  end(): void {
    if (this.#line !== '') this.#flush()
  }

  #grow(text: string, from: number, end: number): void {
    if (this.#refused) return
    const kept = Math.min(end, from + this.#longest - this.#line.length)
    this.#line += text.slice(from, kept)
    this.#dropped += end - kept
    if (this.#dropped === 0 || !this.#onTooLong) return
    this.#refused = true
    this.#line = ''
    this.#onTooLong()
  }

  #flush(): void {
    if (this.#refused) return
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    const more = this.#dropped > 0 ? ` ... (${this.#dropped} characters more)` : ''
    this.#line = ''
    this.#dropped = 0
    this.onLine(line + more)
  }
}
