import { createInterface } from 'node:readline/promises'
import type { LedgerRecord } from '../contracts/record.js'
import type { MachineContext } from '../machine/context.js'
import { runningCreate } from '../machine/interrupt.js'

/**
 * One line of input after a question, typed or piped; undefined at the end of input. Ctrl-C, which the terminal hands to
 * us as a key while we ask, ends the command as everywhere else.
 */
export async function askLine(
  question: string,
  signal: AbortSignal,
  output: NodeJS.WritableStream = process.stderr,
): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, output })
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const ended = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)))
  try {
    return await Promise.race([terminal.question(question, { signal }), ended])
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    terminal.close()
  }
}

/** A question on the terminal; anything but y... means no, and so does the end of input. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  return isYes(await askLine(question, signal))
}

/** docker-machine's rule: what begins with y or Y. */
export function isYes(answer: string | undefined): boolean {
  return /^y/i.test((answer ?? '').trim())
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
