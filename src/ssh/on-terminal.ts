import { spawn, type StdioOptions } from 'node:child_process'
import { constants } from 'node:os'
import { MachineError } from '../contracts/errors.js'
import { onAbort } from '../util/abort.js'

export interface OnTerminalOptions {
  readonly signal?: AbortSignal
  readonly stdio?: StdioOptions
}

/**
 * Runs a program on the user's terminal, or on the streams that we have. Returns its exit status.
 * @throws the signal's reason when it was ended by that, whatever status it gave then
 */
export async function runOnTerminal(
  program: string,
  args: readonly string[],
  { signal, stdio = 'inherit' }: OnTerminalOptions = {},
): Promise<number> {
  signal?.throwIfAborted()
  const status = await ended(program, args, stdio, signal)
  signal?.throwIfAborted()
  return status
}

function ended(
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
  signal: AbortSignal | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio })
    // Ctrl-C at the terminal goes to the program as well, and is its to handle.
    const ignore = (): void => undefined
    process.on('SIGINT', ignore)
    const forget = onAbort(signal, () => void child.kill('SIGTERM'))
    const settle = (): void => {
      process.removeListener('SIGINT', ignore)
      forget()
    }
    child.once('error', (error) => {
      settle()
      reject(new MachineError('ssh', `Cannot run ${program}: ${error.message}`, { cause: error }))
    })
    child.once('exit', (code, by) => {
      settle()
      resolve(code ?? 128 + (by ? constants.signals[by] : 0))
    })
  })
}
