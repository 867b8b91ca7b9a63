import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { ed25519Blob, writeOpensshEd25519, type Ed25519Halves } from './openssh-key.js'

/** A new SSH key: the private half as a file's text, the public half as an `authorized_keys` line without newline. */
export interface SshKeyPair {
  readonly privatePem: string
  readonly publicLine: string
}

/**
 * Makes an Ed25519 key. The generator is Node's: that of ssh2 drops a leading zero byte and spoils one key in 250.
 * The comment must not hold a line break.
 */
export function generateKeyPair(comment: string): SshKeyPair {
  const halves = ed25519Halves(generateKeyPairSync('ed25519').privateKey)
  const blob = ed25519Blob(halves.public).toString('base64')
  return {
    privatePem: writeOpensshEd25519(halves, comment),
    publicLine: `ssh-ed25519 ${blob}${comment ? ` ${comment}` : ''}`,
  }
}

/** Raw halves of an Ed25519 private key. */
export function ed25519Halves(key: KeyObject): Ed25519Halves {
  const jwk = key.export({ format: 'jwk' })
  return { seed: Buffer.from(jwk.d ?? '', 'base64url'), public: Buffer.from(jwk.x ?? '', 'base64url') }
}
