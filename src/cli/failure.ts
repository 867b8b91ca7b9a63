import { Errors } from '@oclif/core'
import { isMachineError, type MachineError, toMachineError } from '../contracts/errors.js'
import type { Profile } from '../contracts/profile.js'
import { isUsageError, usageError } from './usage-error.js'

/** What a run ends with when it fails: the error to show, if any, and the exit status. */
export interface Failure {
  readonly error?: MachineError
  readonly exitCode: number
}

/** Thrown by a command that has said everything and only wants an exit status (`ssh`: the remote one). */
export class ExitStatus extends Error {
  constructor(readonly status: number) {
    super(`exit status ${status}`)
    this.name = 'ExitStatus'
  }
}

/** Turns anything thrown into a failure: ours as they are, oclif's parse errors as usage errors, the rest as bugs. */
export function failureOf(thrown: unknown, run: { profile: Profile; signal: AbortSignal }): Failure {
  if (thrown instanceof ExitStatus) return { exitCode: thrown.status }
  if (thrown instanceof Errors.ExitError) return { exitCode: thrown.oclif.exit ?? 1 }
  const reason = interruption(run.signal)
  const error = reason && isConsequence(thrown) ? reason : known(thrown)
  const status = error.code === 'usage' ? run.profile.usageExitCode : error.exitCode
  return { error, exitCode: reason?.exitCode ?? status }
}

/** The signal that told us to stop, if one did. */
function interruption(signal: AbortSignal): MachineError | undefined {
  const reason: unknown = signal.reason
  return signal.aborted && isMachineError(reason) ? reason : undefined
}

/** After a signal, what only the abort caused is the interruption; real errors are still shown. */
function isConsequence(thrown: unknown): boolean {
  return !isMachineError(thrown)
}

function known(thrown: unknown): MachineError {
  return isUsageError(thrown) ? usageError(thrown) : toMachineError(thrown)
}
