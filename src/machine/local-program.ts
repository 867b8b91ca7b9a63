import { MachineError } from '../contracts/errors.js'
import { findProgram, missingProgram } from '../util/exec.js'

/**
 * Absolute path of a program that a verb is carried out by.
 * @param use what it is needed for, as docker-machine says it: "the mount feature"
 * @throws MachineError `preflight` in docker-machine's words and with its exit status
 */
export function requireProgram(name: string, use: string, ...hints: readonly string[]): string {
  const found = findProgram(name)
  if (found !== undefined) return found
  throw new MachineError('preflight', `You must have a copy of the ${name} binary locally to use ${use}`, {
    hints: [...missingProgram(name).hints, ...hints],
    exitCode: 1,
  })
}
