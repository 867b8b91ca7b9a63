import type { MachineError } from '../../contracts/errors.js'
import type { MachineContext } from '../../machine/context.js'
import type { Session } from '../session.js'
import { neutralise } from '../../util/text.js'

/** What a verb prints: the text, or with `--json` the result. */
export interface Answer {
  readonly result: unknown
  readonly text: string
}

/**
 * What an answer is made from. Commands and the fast path (`src/cli/fast.ts`) give the same, so that both say the same:
 * whatever happens between the parser and the printing belongs into these functions.
 */
export interface AnswerInput {
  readonly ctx: MachineContext
  readonly session: Pick<Session, 'argv' | 'env' | 'profile'>
  readonly json: boolean
  /** Names on the command line. */
  readonly names: readonly string[]
  /** A usage error in docker-machine's words. */
  readonly usage: (message: string, ...hints: string[]) => MachineError
}

/** An answer's text as it is printed: literally to a program, to a terminal without what that would obey. */
export function printed(text: string, toTerminal: boolean): string {
  const shown = toTerminal ? neutralise(text) : text
  return shown === '' || shown.endsWith('\n') ? shown : `${shown}\n`
}
