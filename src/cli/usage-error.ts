import { Errors } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'

/** True for what oclif throws about a command line. */
export function isUsageError(thrown: unknown): thrown is Error {
  return thrown instanceof Errors.CLIError
}

/** What oclif's parser refuses, in our words; unknown flags never get there. */
export function usageError(thrown: Error): MachineError {
  return new MachineError('usage', tidy(thrown.message), { cause: thrown })
}

/** One line, without the pointer to the help that oclif appends. */
function tidy(message: string): string {
  return message
    .replace(/\nSee more help with --help$/, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(
      /^Parsing --(\S+) Expected an integer but received: (.*)$/,
      'invalid value "$2" for flag -$1: parse error',
    )
    .replace(/^Parsing (--\S+) Expected (.*) but received: /, '$1 wants $2, not ')
}
