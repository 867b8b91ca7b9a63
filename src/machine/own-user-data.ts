/**
 * The user's own user data beside ours. cloud-init merges the parts of a MIME document one after the other
 * (cloud-init, "User-data formats" and "Merging user-data sections"): the user's come first, so that ours decide.
 */
import { createReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { MachineError, messageOf } from '../contracts/errors.js'
import { isPlain, type Part } from '../util/multipart.js'

/** Many times what any provider takes. */
const MOST_BYTES = 1024 * 1024

/** How each kind of user data begins, longer beginnings first, and its MIME type. */
const KINDS: readonly (readonly [string, string])[] = [
  ['#cloud-config-archive', 'text/cloud-config-archive'],
  ['#cloud-config-jsonp', 'text/cloud-config-jsonp'],
  ['## template: jinja', 'text/jinja2'],
  ['#cloud-boothook', 'text/cloud-boothook'],
  ['#include-once', 'text/x-include-once-url'],
  ['#part-handler', 'text/part-handler'],
  ['#cloud-config', 'text/cloud-config'],
  ['#include', 'text/x-include-url'],
  ['#!', 'text/x-shellscript'],
]

/** As cloud-init looks for it. */
const MIME_WITHIN = 4096

/**
 * Reads it from a file, or from standard input for `-`.
 * @throws MachineError `preflight` when it cannot be read or is nothing that cloud-init knows
 */
export async function readOwnUserData(path: string): Promise<Buffer> {
  const name = path === '-' ? 'standard input' : path
  return checkedOwnUserData(await read(path, name), name)
}

/** The same for what is there already. @throws MachineError `preflight` */
export function checkedOwnUserData(own: Buffer, name: string): Buffer {
  if (own.length > MOST_BYTES) throw refused(`The user data in ${name} is larger than ${MOST_BYTES} bytes`)
  ownPart(own, name)
  return own
}

async function read(path: string, name: string): Promise<Buffer> {
  try {
    const stream = path === '-' ? process.stdin : createReadStream(path)
    return await buffer(limited(stream))
  } catch (cause) {
    throw refused(`Cannot read the user data from ${name}: ${messageOf(cause)}`, cause)
  }
}

/** One chunk more than may be: enough to see that it is too much. */
async function* limited(stream: AsyncIterable<Buffer | string>): AsyncIterable<Buffer> {
  let length = 0
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk)
    yield bytes
    if ((length += bytes.length) > MOST_BYTES) return
  }
}

/**
 * The user's part of the document. `small`: packed, for a provider that takes little; a MIME document cannot be, and
 * cloud-init (25.1) spoils what is not ASCII in a packed part.
 * @throws MachineError `preflight` for what cloud-init would pass over
 */
export function ownPart(own: Buffer, name: string, { small = false } = {}): Part {
  const packed = own[0] === 0x1f && own[1] === 0x8b
  const content = packed ? unpack(own, name) : own
  const head = content.toString('latin1', 0, MIME_WITHIN).trimStart().toLowerCase()
  const type = KINDS.find(([beginning]) => head.startsWith(beginning))?.[1]
  if (type !== undefined) {
    return small && isPlain(content)
      ? { type: 'application/gzip', content: gzipSync(content) }
      : { type, content }
  }
  if (head.includes('mime-version:')) return { document: mimeDocument(content, name) }
  throw refused(`The user data in ${name} begins with nothing that cloud-init knows`, undefined, [
    `It begins with one of: ${KINDS.map(([beginning]) => beginning).join(', ')}; or it is a MIME document ("MIME-Version: 1.0")`,
  ])
}

function unpack(own: Buffer, name: string): Buffer {
  try {
    return gunzipSync(own, { maxOutputLength: 16 * MOST_BYTES })
  } catch (cause) {
    throw refused(`The user data in ${name} is no sound gzip file: ${messageOf(cause)}`, cause)
  }
}

function mimeDocument(content: Buffer, name: string): string {
  const text = content.toString('utf8')
  if (Buffer.from(text).equals(content)) return text.trimStart()
  throw refused(`The MIME document in ${name} is not UTF-8 text`, undefined, [
    'Encode binary parts with base64.',
  ])
}

function refused(message: string, cause?: unknown, hints: readonly string[] = []): MachineError {
  return new MachineError('preflight', message, { hints: [...hints, 'docs/user-data.md'], cause })
}
