import { buffer } from 'node:stream/consumers'
import { MachineError } from '../contracts/errors.js'
import { Secret } from '../contracts/secrets.js'
import type { MachineContext } from '../machine/context.js'
import { unlessAborted } from '../util/abort.js'
import { isInteractive } from './confirm.js'

/** A secret that is typed without being shown, or the whole of standard input without its last line break. */
export async function readSecretValue(ctx: MachineContext, question: string): Promise<Secret> {
  const value = isInteractive() ? await ctx.askSecret(question) : await unlessAborted(fromStdin(), ctx.signal)
  if (value && value.reveal() !== '') return value
  throw new MachineError('usage', 'Nothing was given: the secret is empty')
}

async function fromStdin(): Promise<Secret> {
  return new Secret((await buffer(process.stdin)).toString('utf8').replace(/\r?\n$/, ''))
}
