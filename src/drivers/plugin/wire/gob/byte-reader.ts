import { GobError } from './values.js'
import { MAX_BYTES, narrow, ONE_BYTE, unzigzag } from './scalars.js'

/** Reads gob's scalars from one message. */
export class ByteReader {
  #offset = 0

  constructor(readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.#offset
  }

  uint(): number | bigint {
    const first = this.#take(1).readUInt8()
    if (first < ONE_BYTE) return first
    const length = 256 - first
    if (length > MAX_BYTES) throw new GobError(`a whole number of ${length} bytes`)
    const bytes = this.#take(length)
    return length <= 6 ? bytes.readUIntBE(0, length) : narrow(BigInt(`0x${bytes.toString('hex')}`))
  }

  int(): number | bigint {
    return unzigzag(this.uint())
  }

  /** A signed number that names a type. */
  id(): number {
    return small(this.int())
  }

  /** An unsigned number that counts something. */
  count(): number {
    return small(this.uint())
  }

  /** Its bytes are those of the number in reverse, so that short fractions are short. */
  float(): number {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt(this.uint()))
    return bytes.readDoubleLE()
  }

  /** Counted bytes; a copy, so that the message can go. */
  counted(): Buffer {
    return Buffer.from(this.#take(this.count()))
  }

  text(): string {
    return this.#take(this.count()).toString('utf8')
  }

  #take(length: number): Buffer {
    if (length > this.left) throw new GobError(`${length} bytes are announced where ${this.left} are left`)
    this.#offset += length
    return this.bytes.subarray(this.#offset - length, this.#offset)
  }
}

function small(value: number | bigint): number {
  if (typeof value === 'bigint') throw new GobError(`${value} is too large here`)
  return value
}
