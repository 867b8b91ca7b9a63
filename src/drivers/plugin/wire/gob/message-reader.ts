import type { GobBudget } from './limits.js'
import { MAX_BYTES, ONE_BYTE } from './scalars.js'
import { GobError } from './values.js'

const FIRST_ROOM = 4_096

/** Cuts a byte stream, in whatever pieces it comes, into messages: each is preceded by its length. */
export class MessageReader {
  readonly #budget: GobBudget
  #head: number[] = []
  /** Bytes of the message that is being received; undefined while its length is. */
  #length: number | undefined
  #body = Buffer.alloc(0)
  #filled = 0

  constructor(budget: GobBudget) {
    this.#budget = budget
  }

  /** The messages that these bytes complete. @throws GobError */
  *push(chunk: Buffer): Generator<Buffer, void> {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#length === undefined) this.#takeHead(chunk.readUInt8(offset++))
      else offset += this.#takeBody(chunk, offset, this.#length)
      if (this.#length !== undefined && this.#filled === this.#length) yield this.#finish()
    }
  }

  #takeHead(byte: number): void {
    this.#head.push(byte)
    const [first = 0, ...rest] = this.#head
    const more = first < ONE_BYTE ? 0 : 256 - first
    if (more > MAX_BYTES) throw new GobError(`a message length of ${more} bytes`)
    if (rest.length < more) return
    const length = more === 0 ? first : rest.reduce((sum, digit) => sum * 256 + digit, 0)
    if (length === 0) throw new GobError('an empty message')
    this.#budget.takeMessage(length)
    this.#length = length
  }

  /** Makes room as bytes come: an announced length alone costs nothing. */
  #takeBody(chunk: Buffer, offset: number, length: number): number {
    const wanted = Math.min(length - this.#filled, chunk.length - offset)
    const needed = this.#filled + wanted
    if (needed > this.#body.length) {
      const room = Math.min(length, Math.max(needed, this.#body.length * 2, FIRST_ROOM))
      this.#body = Buffer.concat([this.#body.subarray(0, this.#filled)], room)
    }
    chunk.copy(this.#body, this.#filled, offset, offset + wanted)
    this.#filled += wanted
    return wanted
  }

  #finish(): Buffer {
    const message = this.#body.subarray(0, this.#filled)
    this.#head = []
    this.#length = undefined
    this.#body = Buffer.alloc(0)
    this.#filled = 0
    return message
  }
}
