import type { Writable } from 'node:stream'

/** Resolves when everything written so far has left the process; a closed pipe counts as done. */
export async function flush(...streams: Writable[]): Promise<void> {
  await Promise.all(streams.map(drained))
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve()
    stream.once('error', () => resolve())
    stream.write('', () => resolve())
  })
}
