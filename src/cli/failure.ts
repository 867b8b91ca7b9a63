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
  const error =
    interrupted(thrown, run.signal) ?? (isUsageError(thrown) ? usageError(thrown) : toMachineError(thrown))
  return { error, exitCode: error.code === 'usage' ? run.profile.usageExitCode : error.exitCode }
}

/** After a signal, errors that the abort itself caused are the interruption; real ones are still shown. */
function interrupted(thrown: unknown, signal: AbortSignal): MachineError | undefined {
  if (!signal.aborted || !isMachineError(signal.reason)) return undefined
  const reason = signal.reason
  if (thrown === reason || (thrown instanceof Error && thrown.name === 'AbortError')) return reason
  if (!isMachineError(thrown)) return reason
  return thrown.code === 'cancelled' ? thrown : thrown.with({ exitCode: reason.exitCode })
}
