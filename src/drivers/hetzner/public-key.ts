import { createHash } from 'node:crypto'

const LINE = /^(?:ssh|ecdsa|sk-)[A-Za-z0-9@.-]*\s+([A-Za-z0-9+/]+={0,2})(?:\s.*)?$/

/** The fingerprint under which Hetzner lists a public key line (MD5, with colons); undefined when it is no such line. */
export function keyFingerprint(line: string): string | undefined {
  const [, blob] = LINE.exec(line.trim()) ?? []
  if (blob === undefined) return undefined
  const hex = createHash('md5').update(Buffer.from(blob, 'base64')).digest('hex')
  return hex.replace(/(..)(?=.)/g, '$1:')
}
