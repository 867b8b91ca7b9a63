import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf } from '../contracts/errors.js'
import { SshError } from './errors.js'
import { ed25519Halves } from './key-pair.js'
import { opensshCipher, writeOpensshEd25519 } from './openssh-key.js'

/** A key file's text, ready for ssh2; or that only an agent can use it. */
export type PrivateKey = { readonly encrypted: false; readonly pem: string } | { readonly encrypted: true }

/**
 * Reads an RSA, ECDSA or Ed25519 private key in any of the usual PEM forms.
 * @throws SshError `key-file` when it is missing, not readable or not a key
 */
export async function readPrivateKey(path: string): Promise<PrivateKey> {
  const text = await readText(path)
  if (isEncrypted(text)) return { encrypted: true }
  const pem = text.includes('-----BEGIN PRIVATE KEY-----') ? fromPkcs8(text, path) : text
  const { default: ssh2 } = await import('ssh2')
  const parsed = ssh2.utils.parseKey(pem)
  if (parsed instanceof Error) throw notAKey(path, parsed)
  return { encrypted: false, pem }
}

/**
 * The `authorized_keys` line of a private key's public half: from the `.pub` file beside it, else from the key itself.
 * @throws SshError `key-file` as `readPrivateKey`, and for an encrypted key without that file
 */
export async function publicLineOf(path: string): Promise<string> {
  const beside = await readFile(`${path}.pub`, 'utf8').catch(() => undefined)
  if (beside !== undefined) return beside.trim()
  const key = await readPrivateKey(path)
  if (key.encrypted)
    throw new SshError('key-file', `The SSH key ${path} is encrypted, and its public half is not beside it`, {
      hints: [`Write it there: ssh-keygen -y -f ${path} >${path}.pub`],
    })
  const { default: ssh2 } = await import('ssh2')
  const parsed = ssh2.utils.parseKey(key.pem)
  if (parsed instanceof Error) throw notAKey(path, parsed)
  return `${parsed.type} ${parsed.getPublicSSH().toString('base64')}`
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new SshError(
      'key-file',
      missing
        ? `The SSH key file ${path} does not exist`
        : `Cannot read the SSH key file ${path}: ${messageOf(error)}`,
      {
        cause: error,
        hints: missing
          ? ['Put the key back, or remove the machine and create it again: nothing else opens it']
          : [`Check the owner and mode of ${path}`],
      },
    )
  }
}

function isEncrypted(text: string): boolean {
  const cipher = opensshCipher(text)
  return (
    (cipher !== undefined && cipher !== 'none') ||
    text.includes('Proc-Type: 4,ENCRYPTED') ||
    text.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----')
  )
}

/** ssh2 does not know PKCS#8; the same key in a form that it does. */
function fromPkcs8(text: string, path: string): string {
  try {
    const key = createPrivateKey(text)
    if (key.asymmetricKeyType === 'ed25519') return writeOpensshEd25519(ed25519Halves(key), '')
    const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1'
    return key.export({ format: 'pem', type }).toString()
  } catch (error) {
    throw notAKey(path, error)
  }
}

function notAKey(path: string, cause: unknown): SshError {
  return new SshError('key-file', `${path} is not an SSH private key that can be used: ${messageOf(cause)}`, {
    cause,
    hints: ['Give an RSA, ECDSA or Ed25519 private key file (not the .pub file)'],
  })
}
