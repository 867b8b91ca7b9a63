import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Test } from 'tap'

const CHANGES: Readonly<Record<string, number>> = {
  'http.client.request.start': 1,
  'http.client.response.finish': -1,
  'http.client.request.error': -1,
}

/** Counts HTTP requests of this process that have no answer yet: a fake clock must stand still meanwhile. */
export function requestsInFlight(t: Test): () => number {
  let count = 0
  for (const [channel, change] of Object.entries(CHANGES)) {
    const note = (): void => void (count += change)
    subscribe(channel, note)
    t.teardown(() => unsubscribe(channel, note))
  }
  return () => count
}
