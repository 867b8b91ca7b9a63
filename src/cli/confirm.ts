import { createInterface } from 'node:readline/promises'
import type { LedgerRecord } from '../contracts/record.js'
import type { MachineContext } from '../machine/context.js'
import { runningCreate } from '../machine/interrupt.js'

/**
 * A question on the terminal; anything but y... means no, and so does the end of input. Ctrl-C, which the terminal hands
 * to us as a key while we ask, ends the command as everywhere else.
 */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  try {
    const answer = await Promise.race([terminal.question(question, { signal }), ended])
    return /^y/i.test(answer.trim())
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    terminal.close()
  }
}

/** Whether there is somebody to ask. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** On a terminal, a create whose record is unfinished asks whether to carry on. */
export async function offerResume(ctx: MachineContext, name: string): Promise<boolean> {
  if (!isInteractive() || !ctx.store.exists(name)) return false
  const record = ctx.store.read(name)
  if (record.ledger === undefined || !isUnfinished(record.ledger.phase)) return false
  if (runningCreate(ctx, name)) return false
  const stage = record.ledger.failure?.stage || 'an early stage'
  return await confirm(`The create of "${name}" stopped at ${stage}. Carry on with it? (y/n): `, ctx.signal)
}

function isUnfinished(phase: LedgerRecord['phase']): boolean {
  return phase === 'creating' || phase === 'failed'
}
