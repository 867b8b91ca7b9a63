/** FIPS 180-4. */
import { hash } from 'node:crypto'

/** So many bytes are hashed here: loading Node's own takes as long as hashing twenty records. */
const FEW_BYTES = 32 * 1024
let hashed = 0

/** SHA-256 of a text as UTF-8, in hexadecimal. */
export function sha256Hex(text: string): string {
  hashed += text.length
  return hashed > FEW_BYTES ? hash('sha256', text) : sha256Here(text)
}

/** The first 32 bits of the fractional parts of the roots of the first primes. */
function fractions(root: (prime: number) => number, count: number): Int32Array {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return Int32Array.from(primes, (prime) => {
    const value = root(prime)
    return ((value - Math.floor(value)) * 2 ** 32) | 0
  })
}

/** Exported for its test. */
export function sha256Here(text: string): string {
  const state = fractions(Math.sqrt, 8)
  const constants = fractions(Math.cbrt, 64)
  const blocks = padded(Buffer.from(text))
  const words = new Int32Array(64)
  for (let at = 0; at < blocks.length; at += 64) block(state, constants, words, blocks, at)
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}

function padded(bytes: Buffer): Buffer {
  const whole = Buffer.alloc(Math.ceil((bytes.length + 9) / 64) * 64)
  bytes.copy(whole)
  whole[bytes.length] = 0x80
  whole.writeUInt32BE(Math.floor(bytes.length / 2 ** 29), whole.length - 8)
  whole.writeUInt32BE((bytes.length * 8) >>> 0, whole.length - 4)
  return whole
}

/** Plain variables and no calls but one: it runs a few times only, before anything is compiled for speed. */
function block(state: Int32Array, constants: Int32Array, words: Int32Array, bytes: Buffer, at: number): void {
  for (let i = 0; i < 16; i++) words[i] = bytes.readInt32BE(at + i * 4)
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15] as number
    const y = words[i - 2] as number
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    words[i] = (words[i - 16] as number) + s0 + (words[i - 7] as number) + s1
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let i = 0; i < 64; i++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = h + sum1 + ((e & f) ^ (~e & g)) + (constants[i] as number) + (words[i] as number)
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c))
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const next = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < 8; i++) state[i] = (state[i] as number) + (next[i] as number)
}
