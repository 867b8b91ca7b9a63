import { setTimeout as pause } from 'node:timers/promises'

/**
 * Asks until the answer is truthy; returns it and the milliseconds that it took.
 * @throws Error at the limit, with the last answer and what `evidence` adds
 */
export async function poll<T>(
  limitMs: number,
  ask: () => Promise<T>,
  intervalMs = 200,
  evidence: () => string = () => '',
): Promise<{ answer: T; tookMs: number }> {
  const started = performance.now()
  for (;;) {
    const answer = await ask()
    const tookMs = performance.now() - started
    if (answer) return { answer, tookMs }
    if (tookMs > limitMs)
      throw new Error(`not within ${limitMs} ms; last seen: ${JSON.stringify(answer)} ${evidence()}`.trim())
    await pause(intervalMs)
  }
}
