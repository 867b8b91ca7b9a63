/**
 * What an answer must be before its fields are believed: the SDK reads a page of some proxy, or half of a list, as a list of
 * nothing, and a server that is on no list is taken for gone.
 */
import type { EC2Client } from '@aws-sdk/client-ec2'

const FIRST = /<(\w{1,100}Response)[\s>]/
const LONGEST_WORDS = 160
/** More than any list has: a page of one has a thousand lines at most. */
const LONGEST_ANSWER = 64 * 1024 * 1024

/** Has a client refuse what is no answer of EC2, or not all of one. */
export function refuseHalves(client: EC2Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      await check(result.response)
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'wholeAnswers' },
  )
}

/** The body is read here and given on as bytes. */
async function check(response: unknown): Promise<void> {
  if (!isResponse(response) || response.statusCode >= 300) return
  const bytes = await whole(response.body)
  const text = bytes.toString('utf8')
  if (!isWhole(text)) throw new Error(`what came is no whole answer of EC2: ${firstWords(text)}`)
  Object.assign(response, { body: new Uint8Array(bytes) })
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > LONGEST_ANSWER) throw new Error('what came is no answer of EC2: it has no end')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Its outermost element begins and ends. */
export function isWhole(text: string): boolean {
  const [, name] = FIRST.exec(text) ?? []
  return name !== undefined && text.trimEnd().endsWith(`</${name}>`)
}

interface Response {
  readonly statusCode: number
  readonly body: AsyncIterable<Uint8Array>
}

function isResponse(value: unknown): value is Response {
  if (typeof value !== 'object' || value === null || !('statusCode' in value) || !('body' in value))
    return false
  const { body } = value
  return (
    typeof value.statusCode === 'number' &&
    typeof body === 'object' &&
    body !== null &&
    Symbol.asyncIterator in body
  )
}

function firstWords(text: string): string {
  const words = text
    .slice(0, 20 * LONGEST_WORDS)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return words.length > LONGEST_WORDS ? `${words.slice(0, LONGEST_WORDS)}...` : words || 'nothing'
}
