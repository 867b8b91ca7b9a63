import { Errors } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'
import { nearest } from '../util/nearest.js'

/** oclif's parse errors carry what was parsed; only these parts are read. */
interface ParseError extends Error {
  readonly flags?: readonly string[]
  readonly parse?: {
    readonly input?: { readonly flags?: Readonly<Record<string, { readonly char?: string }>> }
  }
}

/** True for what oclif throws about a command line. */
export function isUsageError(thrown: unknown): thrown is Error {
  return thrown instanceof Errors.CLIError
}

/** A parse error of oclif in our words; unknown flags with the nearest one that exists. */
export function usageError(thrown: Error): MachineError {
  const { flags, parse } = thrown as ParseError
  const unknown = Array.isArray(flags) ? flags.filter((flag) => typeof flag === 'string') : []
  if (unknown.length === 0) return new MachineError('usage', tidy(thrown.message), { cause: thrown })
  const known = Object.keys(parse?.input?.flags ?? {})
  return new MachineError('usage', `Unknown flag${unknown.length > 1 ? 's' : ''}: ${unknown.join(', ')}`, {
    hints: unknown.flatMap((flag) => suggestion(flag, known)),
    cause: thrown,
  })
}

function suggestion(flag: string, known: readonly string[]): string[] {
  const near = nearest(flag.replace(/^-+/, '').replace(/=.*$/, ''), known)
  return near === undefined ? [] : [`Did you mean --${near}?`]
}

/** One line, without the pointer to the help that oclif appends. */
function tidy(message: string): string {
  return message
    .replace(/\nSee more help with --help$/, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/^Parsing (--\S+) Expected (.*) but received: /, '$1 wants $2, not ')
}
