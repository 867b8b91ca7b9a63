import { createHash } from 'node:crypto'

/** One part of a MIME document: content of one type, or a MIME document that is taken in as it is. */
export type Part = { readonly type: string; readonly content: Buffer } | { readonly document: string }

/** A `multipart/mixed` document (RFC 2046). The same parts always make the same text. */
export function multipart(parts: readonly Part[]): string {
  const texts = parts.map(partText)
  const hash = createHash('sha256').update(texts.join('\0')).digest('hex')
  const boundary = `=_tsmachine_${hash.slice(0, 32)}`
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'MIME-Version: 1.0',
    '',
    ...texts.flatMap((text) => [`--${boundary}`, text]),
    `--${boundary}--`,
    '',
  ].join('\n')
}

function partText(part: Part): string {
  if ('document' in part) return part.document
  const { type, content } = part
  const charset = type.startsWith('text/') ? '; charset="utf-8"' : ''
  const plain = isPlain(content)
  return [
    `Content-Type: ${type}${charset}`,
    'MIME-Version: 1.0',
    `Content-Transfer-Encoding: ${plain ? '7bit' : 'base64'}`,
    '',
    plain ? content.toString('latin1') : lines(content.toString('base64')),
  ].join('\n')
}

/** Text that needs no encoding, so that people can read the document. */
export function isPlain(content: Buffer): boolean {
  return content.every((byte) => byte === 9 || byte === 10 || (byte >= 32 && byte < 127))
}

function lines(base64: string): string {
  return base64.replace(/.{76}(?=.)/g, '$&\n')
}
