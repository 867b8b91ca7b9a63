/**
 * What an answer must be before its fields are believed: the SDK reads a page of some proxy, or half of a list, as a list of
 * nothing, and a server that is on no list is taken for gone.
 */
import type { EC2Client } from '@aws-sdk/client-ec2'

const WHOLE = /<(\w+Response)[\s>][^]*<\/\1>\s*$/
const LONGEST_WORDS = 160

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
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const text = bytes.toString('utf8')
  if (!WHOLE.test(text)) throw new Error(`what came is no whole answer of EC2: ${firstWords(text)}`)
  Object.assign(response, { body: new Uint8Array(bytes) })
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
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return words.length > LONGEST_WORDS ? `${words.slice(0, LONGEST_WORDS)}...` : words || 'nothing'
}
