import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from './hostile-values.js'

const FOLDER = join(import.meta.dirname, '../fixtures/gob-captures')
const GREETING_END = '\n\n'

/** One recorded connection between a client and a plugin of docker-machine. */
export interface Capture {
  readonly name: string
  /** What each side sent after the greeting. */
  readonly client: Buffer
  readonly server: Buffer
  readonly calls: readonly CapturedCall[]
}

/** A call, and what Go's own client made of the answer. */
export interface CapturedCall {
  readonly method: string
  /** As JSON, which is what a flag list is told in. Undefined: nothing. */
  readonly value: unknown
  /** Empty: none. */
  readonly error: string
}

export function readCaptures(): Capture[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => readCapture(name))
}

function readCapture(name: string): Capture {
  const lines = readFileSync(join(FOLDER, name), 'utf8').split('\n')
  const sent: Record<string, string> = { C: '', S: '' }
  let side = ''
  for (const line of lines) {
    side = /^([CS]) \d+$/.exec(line)?.[1] ?? side
    if (line.startsWith('  ')) sent[side] += line.trim()
  }
  return {
    name,
    client: afterGreeting(sent['C'] ?? ''),
    server: afterGreeting(sent['S'] ?? ''),
    calls: [...singleCall(lines), ...sessionCalls(lines)],
  }
}

function afterGreeting(hex: string): Buffer {
  const bytes = Buffer.from(hex, 'hex')
  const hasGreeting = /^(CONNECT|HTTP)/.test(bytes.toString('latin1', 0, 7))
  return hasGreeting ? bytes.subarray(bytes.indexOf(GREETING_END) + GREETING_END.length) : bytes
}

function singleCall(lines: readonly string[]): CapturedCall[] {
  const find = (pattern: RegExp): string | undefined =>
    lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).at(0)
  const title = find(/^# driver: \w+; call: ([^;]+);/)
  const value = find(/^# Go client decoded value(?: \(as JSON\))?: (.*)$/)
  if (title === undefined || value === undefined) return []
  const error = find(/^# Go client error: (.*)$/) ?? ''
  const method = title === 'unknown method' ? 'Upgrade' : (/^\w+/.exec(title)?.[0] ?? '')
  return [{ method, value: parse(value), error: error === '<nil>' ? '' : error }]
}

function sessionCalls(lines: readonly string[]): CapturedCall[] {
  return lines.flatMap((line) => {
    const [, method = '', value = '', error = ''] =
      /^# --- call \d+: (\w+).* -> value (.*) error (.*)$/.exec(line) ?? []
    return method ? [{ method, value: parse(value), error: error === '<nil>' ? '' : error }] : []
  })
}

function parse(text: string): unknown {
  if (text === '<nil>') return undefined
  const [, quoted] = /^'(.*)'$/.exec(text) ?? []
  if (quoted === undefined || quoted.startsWith('[') || quoted.startsWith('{'))
    return JSON.parse(quoted ?? text)
  return quoted
}

/** How the bytes of a stream may come. */
export const CHUNKINGS = ['whole', 'bytes', 'random'] as const

export function inChunks(bytes: Buffer, how: (typeof CHUNKINGS)[number], seed = 1): Buffer[] {
  if (how === 'whole') return [bytes]
  const next = random(seed)
  const chunks: Buffer[] = []
  for (let start = 0; start < bytes.length;) {
    const length = how === 'bytes' ? 1 : 1 + next(200)
    chunks.push(bytes.subarray(start, start + length))
    start += length
  }
  return chunks
}
