import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { MachineError, messageOf } from '../contracts/errors.js'

/** `ec` is P-256; `rsa` (2048 bits) only goes on where docker-machine's CA is of that kind. */
export type KeyKind = 'ec' | 'rsa'

const generate = promisify(generateKeyPair)

/** A new private key. */
export async function newKey(kind: KeyKind): Promise<KeyObject> {
  const pair =
    kind === 'ec'
      ? await generate('ec', { namedCurve: 'prime256v1' })
      : await generate('rsa', { modulusLength: 2048 })
  return pair.privateKey
}

export function keyKind(key: KeyObject): KeyKind {
  return key.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec'
}

/** The traditional PEM forms, which docker-machine and older programs read too. */
export function keyPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: keyKind(key) === 'rsa' ? 'pkcs1' : 'sec1' }).toString()
}

/**
 * Reads an RSA or elliptic-curve private key.
 * @throws MachineError `tls` naming the file; never its content
 */
export function readKey(pem: string, path: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec') return key
    throw new Error(`a key of type ${key.asymmetricKeyType ?? 'unknown'}`)
  } catch (error) {
    throw new MachineError(
      'tls',
      `${path} is not a private key that can sign certificates: ${messageOf(error)}`,
    )
  }
}
