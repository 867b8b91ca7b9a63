import { once } from 'node:events'
import { createConnection } from 'node:net'
import { createInterface } from 'node:readline'

/**
 * Says one line to the guest on its second serial line and waits for the answer `done WORD` (guest/lib/renew). False when
 * none came in time.
 */
export async function tellGuest(
  path: string,
  line: string,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)])
  const socket = createConnection(path)
  try {
    await once(socket, 'connect', { signal: limit })
    const wanted = `done ${line.split(' ')[0]}`
    const lines = createInterface({ input: socket, signal: limit })
    socket.write(`${line}\n`)
    for await (const text of lines) if (text.trim() === wanted) return true
    return false
  } catch {
    signal.throwIfAborted()
    return false
  } finally {
    socket.destroy()
  }
}
