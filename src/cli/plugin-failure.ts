import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { ExitStatus } from './failure.js'

/** What a plugin's command threw, as its failure. It may come from another copy of oclif, so only its shape tells. */
export function pluginFailure(error: unknown, plugin = 'of the user'): Error {
  if (isMachineError(error)) return error
  const exit = exitOf(error)
  if (exit !== undefined && isExit(error)) return new ExitStatus(exit)
  return new MachineError('plugin', messageOf(error), {
    cause: error,
    hints: [`This comes from the plugin ${plugin}: tell its authors.`],
    ...(exit === undefined ? {} : { exitCode: exit }),
  })
}

/** `this.exit()` in a command. */
function isExit(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIT'
}

/** The status that oclif's errors ask for. */
function exitOf(error: unknown): number | undefined {
  const oclif: unknown = error instanceof Error && 'oclif' in error ? error.oclif : undefined
  const exit: unknown =
    typeof oclif === 'object' && oclif !== null && 'exit' in oclif ? oclif.exit : undefined
  return typeof exit === 'number' ? exit : undefined
}
