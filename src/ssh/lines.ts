import { StringDecoder } from 'node:string_decoder'
import { BoundedLines } from '../util/bounded-lines.js'

/** Kept of an endless stream that is read by lines: its end. */
const KEEP_CHARACTERS = 4 * 1024 * 1024
/** Of a stream that is wanted whole; more than any of our commands says. */
export const LONGEST_OUTPUT = 16 * 1024 * 1024
/** Of a line that is handed out while it runs; the rest of a longer one is dropped. */
const LONGEST_LINE = 1024 * 1024

/** Collects a stream's text and hands out complete lines while it comes. It keeps so much and no more. */
export class LineCollector {
  readonly #decoder = new StringDecoder('utf8')
  readonly #lines: BoundedLines | undefined
  #text = ''
  #isTooLong = false

  constructor(onLine?: (line: string) => void) {
    this.#lines = onLine && new BoundedLines(onLine, { longest: LONGEST_LINE })
  }

  /** Whether more came than is kept of a stream that is wanted whole: what is kept is only its beginning. */
  get isTooLong(): boolean {
    return this.#isTooLong
  }

  add(chunk: Buffer): void {
    this.#take(this.#decoder.write(chunk))
  }

  /** The whole text (of an endless stream that is read by lines: its end); also delivers a last line without newline. */
  finish(): string {
    this.#take(this.#decoder.end())
    this.#lines?.end()
    return this.#text
  }

  /** The last complete or partial line so far, for errors. */
  lastLine(): string {
    return this.#text.trimEnd().split('\n').at(-1) ?? ''
  }

  #take(text: string): void {
    if (this.#lines) {
      this.#text += text
      if (this.#text.length > 2 * KEEP_CHARACTERS) this.#text = this.#text.slice(-KEEP_CHARACTERS)
      this.#lines.add(text)
    } else if (this.#text.length + text.length <= LONGEST_OUTPUT) this.#text += text
    else this.#isTooLong = true
  }
}
