/** Longest line that is handed on; the rest of a longer one is dropped. */
export const LONGEST_LINE = 8_192

/** Cuts a stream of text into lines. However long a line is, no more than `longest` characters of it are kept. */
export class BoundedLines {
  #line = ''
  #dropped = 0

  constructor(
    private readonly onLine: (line: string) => void,
    private readonly longest = LONGEST_LINE,
  ) {}

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
    const kept = Math.min(end, from + this.longest - this.#line.length)
    this.#line += text.slice(from, kept)
    this.#dropped += end - kept
  }

  #flush(): void {
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    const more = this.#dropped > 0 ? ` ... (${this.#dropped} characters more)` : ''
    this.#line = ''
    this.#dropped = 0
    this.onLine(line + more)
  }
}
