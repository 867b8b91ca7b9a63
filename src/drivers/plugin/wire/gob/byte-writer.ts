import { ONE_BYTE, zigzag } from './scalars.js'

/** Writes gob's scalars. */
export class ByteWriter {
  readonly #parts: Buffer[] = []

  uint(value: number | bigint): void {
    if (value < ONE_BYTE) return this.raw(Buffer.of(Number(value)))
    const hex = value.toString(16)
    const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
    this.raw(Buffer.of(256 - bytes.length))
    this.raw(bytes)
  }

  int(value: number | bigint): void {
    this.uint(zigzag(value))
  }

  float(value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    this.uint(bytes.readBigUInt64BE())
  }

  /** Bytes after their count. */
  counted(bytes: Buffer): void {
    this.uint(bytes.length)
    this.raw(bytes)
  }

  text(value: string): void {
    this.counted(Buffer.from(value, 'utf8'))
  }

  raw(bytes: Buffer): void {
    this.#parts.push(bytes)
  }

  done(): Buffer {
    return Buffer.concat(this.#parts)
  }
}
