import { activeMachine } from '../../machine/active.js'
import type { Answer, AnswerInput } from './answer.js'

/** Seconds to wait for what a driver knows of its machines, unless said otherwise. */
export const ACTIVE_TIMEOUT = 10

export async function activeAnswer(input: AnswerInput, flags: { readonly timeout: number }): Promise<Answer> {
  if (input.names.length > 0) throw input.usage('Error: Too many arguments given')
  const name = await activeMachine(input.ctx, flags.timeout * 1000)
  return { result: { name }, text: name }
}
