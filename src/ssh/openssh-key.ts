import { randomBytes } from 'node:crypto'
import { readString, sshString, uint32 } from './wire.js'

const MAGIC = Buffer.from('openssh-key-v1\0', 'latin1')
const BLOCK = 8
const PEM_COLUMNS = 70

/** The two halves of an Ed25519 key, 32 bytes each. */
export interface Ed25519Halves {
  readonly seed: Buffer
  readonly public: Buffer
}

/** Public key blob as it travels in `authorized_keys` lines and on the wire (RFC 8709). */
export function ed25519Blob(publicHalf: Buffer): Buffer {
  return Buffer.concat([sshString('ssh-ed25519'), sshString(publicHalf)])
}

/** Unencrypted private key file in OpenSSH's own format (PROTOCOL.key of OpenSSH). */
export function writeOpensshEd25519(key: Ed25519Halves, comment: string): string {
  const check = randomBytes(4)
  const secret = Buffer.concat([
    check,
    check,
    sshString('ssh-ed25519'),
    sshString(key.public),
    sshString(Buffer.concat([key.seed, key.public])),
    sshString(comment),
  ])
  const padding = Buffer.from(
    Array.from({ length: (BLOCK - (secret.length % BLOCK)) % BLOCK }, (_, i) => i + 1),
  )
  const file = Buffer.concat([
    MAGIC,
    sshString('none'),
    sshString('none'),
    sshString(''),
    uint32(1),
    sshString(ed25519Blob(key.public)),
    sshString(Buffer.concat([secret, padding])),
  ])
  const lines = file.toString('base64').match(new RegExp(`.{1,${PEM_COLUMNS}}`, 'g')) ?? []
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n')
}

/** Cipher named in an OpenSSH key file (`none` when it is not encrypted); undefined for any other text. */
export function opensshCipher(pem: string): string | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(pem)?.[1]
  if (body === undefined) return undefined
  const bytes = Buffer.from(body, 'base64')
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  return readString(bytes, MAGIC.length)?.value.toString('latin1')
}
