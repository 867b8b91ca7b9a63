import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { onAbort, timeoutSignal } from '../../util/abort.js'
import { BoundedLines } from '../../util/bounded-lines.js'

/**
 * Says one line to the guest on its second serial line and waits for the answer `done WORD` (guest/lib/renew). False when
 * none came in time, or when the guest says lines that ours never says.
 */
export async function tellGuest(
  path: string,
  line: string,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const limit = AbortSignal.any([signal, timeoutSignal(deadlineMs)])
  const socket = createConnection(path)
  try {
    await once(socket, 'connect', { signal: limit })
    const answered = hears(socket, `done ${line.split(' ')[0]}`, limit)
    socket.write(`${line}\n`)
    return await answered
  } catch {
    signal.throwIfAborted()
    return false
  } finally {
    socket.destroy()
  }
}

/** Whether that line comes before the end. Bytes are read, not text: a character may be cut anywhere. */
function hears(socket: Socket, wanted: string, limit: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const lines = new BoundedLines((text) => void (text.trim() === wanted && resolve(true)), {
      onTooLong: () => resolve(false),
    })
    socket.on('data', (chunk: Buffer) => lines.add(chunk.toString('latin1')))
    socket.once('error', reject)
    socket.once('close', () => {
      lines.end()
      resolve(false)
    })
    onAbort(limit, () => reject(limit.reason))
  })
}
