import { setTimeout as pause } from 'node:timers/promises'

/** Asks until the answer is truthy; returns the last answer and the milliseconds that it took. */
export async function poll<T>(
  limitMs: number,
  ask: () => Promise<T>,
  intervalMs = 200,
): Promise<{ answer: T; tookMs: number }> {
  const started = performance.now()
  for (;;) {
    const answer = await ask()
    const tookMs = performance.now() - started
    if (answer || tookMs > limitMs) return { answer, tookMs }
    await pause(intervalMs)
  }
}
