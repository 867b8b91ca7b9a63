import { StringDecoder } from 'node:string_decoder'

const KEEP_CHARACTERS = 4 * 1024 * 1024

/** Collects a stream's text and hands out complete lines while it comes. */
export class LineCollector {
  readonly #decoder = new StringDecoder('utf8')
  readonly #onLine: ((line: string) => void) | undefined
  #text = ''
  #rest = ''

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine
  }

  add(chunk: Buffer): void {
    this.#take(this.#decoder.write(chunk))
  }

  /** The whole text (of an endless stream that is read by lines: its end); also delivers a last line without newline. */
  finish(): string {
    this.#take(this.#decoder.end())
    if (this.#rest) this.#onLine?.(this.#rest)
    this.#rest = ''
    return this.#text
  }

  /** The last complete or partial line so far, for errors. */
  lastLine(): string {
    return this.#text.trimEnd().split('\n').at(-1) ?? ''
  }

  #take(text: string): void {
    this.#text += text
    if (!this.#onLine) return
    if (this.#text.length > 2 * KEEP_CHARACTERS) this.#text = this.#text.slice(-KEEP_CHARACTERS)
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
}
