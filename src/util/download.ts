/** Large files over HTTP: resumed after a break, checked, watched by deadlines. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../contracts/clock.js'
import { type ErrorCode, MachineError, messageOf } from '../contracts/errors.js'
import { explainErrno } from '../contracts/file-fault.js'
import { makePrivateDir, moveOver } from './atomic-file.js'
import { errnoOf, fileError } from './file-error.js'
import { retry } from './wait.js'

/** What to fetch and when to give up. Proxies come from the usual variables (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). */
export interface DownloadOptions {
  readonly url: string
  /** Target file; `TO.part` beside it keeps an unfinished download for the next try. */
  readonly to: string
  /** Expected SHA-256 in hex. */
  readonly sha256?: string
  /** More than this is refused, announced or not: whoever serves it must not fill the disk. */
  readonly maxBytes?: number
  /** Code of the errors; `image` when absent. */
  readonly code?: ErrorCode
  /** Milliseconds for everything, retries included. */
  readonly deadlineMs?: number
  /** Milliseconds without a byte after which an attempt is given up. */
  readonly idleMs?: number
  readonly signal?: AbortSignal
  readonly clock?: Clock
  /** Called with bytes so far and, if the server said, in all. */
  onProgress?(done: number, total: number | undefined): void
}

/** A finished download. */
export interface Downloaded {
  readonly sha256: string
  readonly size: number
}

const DEADLINE_MS = 3_600_000
const IDLE_MS = 60_000
const MAX_REDIRECTS = 5
const REDIRECTS = [301, 302, 303, 307, 308]
/** Answers that another attempt may change. */
const PASSING = [408, 425, 429, 500, 502, 503, 504]

/** An attempt that broke in a way that may pass. */
class Broken extends Error {}

class TooLarge extends Error {}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readable
}

/**
 * Fetches a file. Retries what may pass and goes on where it stopped, also in a later call.
 * @throws MachineError `code` (wrong hash, refused, downgraded redirect), `not-found` (404, 410), `timeout`
 */
export async function download(options: DownloadOptions): Promise<Downloaded> {
  const code = options.code ?? 'image'
  checkUrl(options.url, code)
  await makePrivateDir(dirname(options.to))
  const part = `${options.to}.part`
  await retry(`the download of ${shown(options.url)}`, (signal) => attempt(options, part, signal), {
    deadlineMs: options.deadlineMs ?? DEADLINE_MS,
    intervalMs: 500,
    maxIntervalMs: 15_000,
    isRetryable: (error) => error instanceof Broken,
    hints: [
      'Check the connection and the proxy settings, then run the command again: it goes on where it stopped.',
    ],
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.clock ? { clock: options.clock } : {}),
  })
  const found = await hashFile(part, options.signal)
  if (options.sha256 !== undefined && found.sha256 !== options.sha256.toLowerCase()) {
    await forget(part)
    throw new MachineError(
      code,
      `${shown(options.url)} is not the expected file: its SHA-256 is ${found.sha256}, not ${options.sha256}`,
      { hints: ['The server has another version, or something on the way changed it. Nothing was kept.'] },
    )
  }
  await moveOver(part, options.to)
  await rm(`${part}.etag`, { force: true })
  return found
}

/** A URL for messages: without user, password and query. */
function shown(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

function checkUrl(url: string, code: ErrorCode): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : ''
  if (protocol !== 'https:' && protocol !== 'http:')
    throw new MachineError(code, `Not an http or https URL: ${url.replace(/\/\/[^/@]*@/, '//')}`)
}

async function attempt(options: DownloadOptions, part: string, outer: AbortSignal): Promise<void> {
  const watch = new AbortController()
  const signal = AbortSignal.any([outer, watch.signal])
  const idleMs = options.idleMs ?? IDLE_MS
  const expire = (): void => watch.abort(new Broken(`no byte came for ${idleMs / 1000} s`))
  const timer = setTimeout(expire, idleMs)
  try {
    const have = await resumable(part)
    const answer = await request(options, have, signal)
    await receive(answer, have.bytes, { options, part, signal, alive: () => timer.refresh() })
  } catch (error) {
    outer.throwIfAborted()
    if (watch.signal.aborted) throw watch.signal.reason
    throw error
  } finally {
    clearTimeout(timer)
  }
}

interface Resumable {
  readonly bytes: number
  /** Names the version that the bytes belong to. */
  readonly etag: string
}

/** Bytes that a former attempt left; only with a validator can they be continued. */
async function resumable(part: string): Promise<Resumable> {
  const etag = await readFile(`${part}.etag`, 'utf8').catch(() => '')
  const size = await stat(part).then(
    (found) => found.size,
    () => 0,
  )
  return etag === '' ? { bytes: 0, etag } : { bytes: size, etag }
}

async function request(options: DownloadOptions, have: Resumable, signal: AbortSignal): Promise<Answer> {
  const headers = {
    'accept-encoding': 'identity',
    ...(have.bytes > 0 ? { range: `bytes=${have.bytes}-`, 'if-range': have.etag } : {}),
  }
  let url = options.url
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const answer = await get(url, headers, signal)
    if (!REDIRECTS.includes(answer.status)) return judged(answer, url, options.code ?? 'image')
    answer.body.destroy()
    url = redirectTarget(url, answer, options.code ?? 'image')
  }
  throw new MachineError(options.code ?? 'image', `${shown(options.url)} redirects too often`)
}

async function get(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  const { default: axios } = await import('axios')
  try {
    const response = await axios.get<Readable>(url, {
      responseType: 'stream',
      // Redirects are followed here, where a downgrade can be refused.
      maxRedirects: 0,
      validateStatus: () => true,
      decompress: false,
      headers,
      signal,
    })
    return {
      status: response.status,
      headers: response.headers,
      body: response.data,
    }
  } catch (error) {
    signal.throwIfAborted()
    throw new Broken(`${shown(url)}: ${messageOf(error)}`, { cause: error })
  }
}

function redirectTarget(from: string, answer: Answer, code: ErrorCode): string {
  const location = text(answer, 'location')
  if (location === undefined || !URL.canParse(location, from))
    throw new MachineError(code, `${shown(from)} redirects to nowhere`)
  const target = new URL(location, from).href
  checkUrl(target, code)
  if (from.startsWith('https:') && !target.startsWith('https:'))
    throw new MachineError(
      code,
      `${shown(from)} redirects to ${shown(target)}, which is not encrypted: refused`,
    )
  return target
}

function judged(answer: Answer, url: string, code: ErrorCode): Answer {
  const { status } = answer
  if (status === 200 || status === 206 || status === 416) return answer
  answer.body.destroy()
  if (PASSING.includes(status)) throw new Broken(`${shown(url)} answered ${status}`)
  if (status === 404 || status === 410)
    throw new MachineError('not-found', `${shown(url)} does not exist (the server answered ${status})`)
  throw new MachineError(code, `${shown(url)} cannot be fetched: the server answered ${status}`)
}

interface Receiving {
  readonly options: DownloadOptions
  readonly part: string
  readonly signal: AbortSignal
  alive(): void
}

async function receive(answer: Answer, had: number, context: Receiving): Promise<void> {
  const { part, options, signal } = context
  const start = answer.status === 206 ? rangeStart(answer) : 0
  if (answer.status === 416 || (answer.status === 206 && start !== had)) {
    answer.body.destroy()
    await forget(part)
    throw new Broken('the server cannot go on where the download stopped')
  }
  if (answer.status === 200) {
    // What is there belongs to another version: whoever kills us now must not leave it beside the new validator.
    await forget(part)
    await noteValidator(answer, part)
  }
  const length = Number(text(answer, 'content-length'))
  const total = Number.isFinite(length) ? start + length : undefined
  let done = start
  const { maxBytes = Infinity } = options
  if ((total ?? 0) > maxBytes) {
    answer.body.destroy()
    throw await tooLarge(options, part, maxBytes)
  }
  const count = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      context.alive()
      done += chunk.length
      options.onProgress?.(done, total)
      next(done > maxBytes ? new TooLarge() : null, chunk)
    },
  })
  try {
    await pipeline(
      answer.body,
      count,
      createWriteStream(part, { flags: start > 0 ? 'a' : 'w', mode: 0o600, flush: true }),
      { signal },
    )
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof TooLarge) throw await tooLarge(options, part, maxBytes)
    if (explainErrno(errnoOf(error), part)) throw fileError('write', part, error)
    throw new Broken(`the connection broke after ${done} bytes: ${messageOf(error)}`, { cause: error })
  }
  if (total !== undefined && done < total)
    throw new Broken(`the connection ended after ${done} of ${total} bytes`)
}

async function tooLarge(options: DownloadOptions, part: string, maxBytes: number): Promise<MachineError> {
  await forget(part)
  return new MachineError(
    options.code ?? 'image',
    `${shown(options.url)} is larger than ${maxBytes} bytes, which nothing that is wanted from there can be`,
    { hints: ['Nothing was kept. Is the URL right?'] },
  )
}

/** Only a strong validator proves that the rest will belong to the same file. */
async function noteValidator(answer: Answer, part: string): Promise<void> {
  const etag = text(answer, 'etag')
  const validator = etag?.startsWith('W/') ? undefined : (etag ?? text(answer, 'last-modified'))
  if (validator === undefined) await rm(`${part}.etag`, { force: true })
  else await writeFile(`${part}.etag`, validator, { mode: 0o600 })
}

function rangeStart(answer: Answer): number {
  return Number(/^bytes (\d+)-/.exec(text(answer, 'content-range') ?? '')?.[1] ?? -1)
}

function text(answer: Answer, header: string): string | undefined {
  const value = answer.headers[header]
  return typeof value === 'string' ? value : undefined
}

async function forget(part: string): Promise<void> {
  await rm(part, { force: true })
  await rm(`${part}.etag`, { force: true })
}

async function hashFile(path: string, signal?: AbortSignal): Promise<Downloaded> {
  const hash = createHash('sha256')
  let size = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      size += chunk.length
      next(null, chunk)
    },
  })
  await pipeline(createReadStream(path), count, hash, signal ? { signal } : {})
  return { sha256: hash.digest('hex'), size }
}
