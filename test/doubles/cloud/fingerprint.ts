import { createHash } from 'node:crypto'

/** MD5 of a public key in its colon form, as providers name keys; nothing for what is no key. */
export function fingerprintOf(publicKey: string): string | undefined {
  const [type = '', encoded = ''] = publicKey.trim().split(/\s+/)
  const blob = Buffer.from(encoded, 'base64')
  if (blob.length < 20 || blob.subarray(4, 4 + type.length).toString() !== type) return undefined
  return createHash('md5')
    .update(blob)
    .digest('hex')
    .replace(/..(?!$)/g, '$&:')
}
