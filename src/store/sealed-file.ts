/**
 * A document under a passphrase. Magic line, one line of JSON with the parameters, then AES-256-GCM of the gzipped JSON
 * with its tag at the end. Both lines are authenticated with the content.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { MachineError, messageOf } from '../contracts/errors.js'
import type { Json } from '../contracts/json.js'
import type { Secret } from '../contracts/secrets.js'

const MAGIC = 'tsmachine-export 1'
const CIPHER = 'aes-256-gcm'
const TAG_BYTES = 16
/** 128 MB and some tenths of a second for each guess. */
const COST = { N: 131_072, r: 8, p: 1 } as const
/** What a file may ask of us. */
const LARGEST = { N: 1_048_576, r: 16, p: 4 } as const
/** Nothing that is unpacked needs more. */
const LARGEST_CONTENT = 256 * 1024 * 1024

interface Parameters {
  readonly kdf: 'scrypt'
  readonly N: number
  readonly r: number
  readonly p: number
  readonly salt: string
  readonly nonce: string
}

export async function sealDocument(document: Json, passphrase: Secret): Promise<Buffer> {
  const parameters: Parameters = {
    kdf: 'scrypt',
    ...COST,
    salt: randomBytes(16).toString('base64'),
    nonce: randomBytes(12).toString('base64'),
  }
  const head = Buffer.from(`${MAGIC}\n${JSON.stringify(parameters)}\n`)
  const cipher = createCipheriv(
    CIPHER,
    await keyOf(passphrase, parameters),
    Buffer.from(parameters.nonce, 'base64'),
  )
  cipher.setAAD(head)
  const content = await promisify(gzip)(JSON.stringify(document))
  return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()])
}

/** @throws MachineError `store` for what is no such file, was changed, or has another passphrase */
export async function openDocument(file: Buffer, passphrase: Secret): Promise<unknown> {
  const { head, parameters, body } = split(file)
  const key = await keyOf(passphrase, parameters)
  const decipher = createDecipheriv(CIPHER, key, Buffer.from(parameters.nonce, 'base64'))
  decipher.setAAD(head)
  decipher.setAuthTag(body.subarray(-TAG_BYTES))
  let content: Buffer
  try {
    content = Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new MachineError('store', 'The passphrase is another one, or the file was changed', { cause })
  }
  return await unpacked(content)
}

/** Whoever knows the passphrase may have sealed anything. */
async function unpacked(content: Buffer): Promise<unknown> {
  try {
    return JSON.parse(
      (await promisify(gunzip)(content, { maxOutputLength: LARGEST_CONTENT })).toString('utf8'),
    )
  } catch (cause) {
    throw new MachineError('store', `The file holds what no export holds: ${messageOf(cause)}`, { cause })
  }
}

function split(file: Buffer): { head: Buffer; parameters: Parameters; body: Buffer } {
  const first = file.indexOf('\n')
  const second = file.indexOf('\n', first + 1)
  const magic = file.subarray(0, Math.max(first, 0)).toString('latin1')
  if (magic !== MAGIC && /^tsmachine-export \d+$/.test(magic))
    throw new MachineError('store', `The file is of a newer version (${magic})`, {
      hints: ['Import it with that version of tsmachine.'],
    })
  const parameters =
    second < 0 || second > 4_096 ? undefined : readParameters(file.subarray(first + 1, second))
  const body = file.subarray(second + 1)
  if (magic !== MAGIC || !parameters || body.length <= TAG_BYTES)
    throw new MachineError('store', 'The file is no export of tsmachine, or a part of one')
  return { head: file.subarray(0, second + 1), parameters, body }
}

function readParameters(line: Buffer): Parameters | undefined {
  try {
    const read = JSON.parse(line.toString('utf8')) as Parameters
    const within = (['N', 'r', 'p'] as const).every((name) => {
      const value: unknown = read[name]
      return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LARGEST[name]
    })
    // scrypt takes nothing else for N (RFC 7914, 6).
    const isPower = read.N > 1 && Number.isInteger(Math.log2(read.N))
    const texts = typeof read.salt === 'string' && Buffer.from(read.nonce, 'base64').length === 12
    return within && isPower && texts ? read : undefined
  } catch {
    return undefined
  }
}

async function keyOf(passphrase: Secret, { N, r, p, salt }: Parameters): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
  const maxmem = 256 * r * (N + p + 2)
  try {
    return await derive(passphrase.reveal(), Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem })
  } catch (cause) {
    throw new MachineError('store', `The file asks for a key that cannot be made: ${messageOf(cause)}`, {
      cause,
    })
  }
}
