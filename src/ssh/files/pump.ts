import type { OpenFile } from './files.js'

/** What every server takes in one request. */
const CHUNK = 32 * 1024
/** Requests under way: 2 MiB on their way fill a link of 300 Mbit/s and 50 ms. */
const PARALLEL = 64

export interface PumpOptions {
  /** In order, one after the other, where positions mean nothing. */
  readonly stream: boolean
  readonly signal: AbortSignal
  readonly onBytes: (count: number) => void
}

/** Copies all bytes of one open file into another. @throws the first error of either, once all requests are over */
export async function pump(from: OpenFile, to: OpenFile, options: PumpOptions): Promise<void> {
  let next = 0
  let ended = false
  const work = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafe(CHUNK)
    try {
      while (!ended) {
        options.signal.throwIfAborted()
        const position = next
        next += CHUNK
        const length = await from.read(buffer, position)
        if (length < CHUNK) ended = true
        if (length > 0) await to.write(buffer.subarray(0, length), position)
        options.onBytes(length)
      }
    } finally {
      ended = true
    }
  }
  const workers = Array.from({ length: options.stream ? 1 : PARALLEL }, work)
  const failed = (await Promise.allSettled(workers)).find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}
