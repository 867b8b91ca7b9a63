/** The few encodings of RFC 4251 section 5 that key files and key lines are made of. */

/** A length-prefixed string. */
export function sshString(value: Buffer | string): Buffer {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value, 'utf8')
  return Buffer.concat([uint32(bytes.length), bytes])
}

/** A big-endian 32-bit number. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Reads the string at `offset`; undefined when the buffer is too short for it. */
export function readString(bytes: Buffer, offset: number): { value: Buffer; next: number } | undefined {
  if (offset + 4 > bytes.length) return undefined
  const next = offset + 4 + bytes.readUInt32BE(offset)
  return next > bytes.length ? undefined : { value: bytes.subarray(offset + 4, next), next }
}
