/**
 * Every expected failure of tsmachine. Low layers throw these, `src/machine` adds stage and evidence,
 * and only the base command renders them. Compare `code`, never `instanceof`: an error may have crossed a process.
 */

import { explainErrno, type FileRefusal, refusalIn } from './file-fault.js'

/** What a caller can do about a failure. Stable: scripts read it from `--json`. */
export type ErrorCode =
  | 'usage'
  | 'preflight'
  | 'not-found'
  | 'exists'
  | 'not-running'
  | 'driver'
  | 'provision'
  | 'ssh'
  | 'host-key'
  | 'tls'
  | 'engine'
  | 'store'
  | 'locked'
  | 'image'
  | 'timeout'
  | 'plugin'
  | 'cancelled'
  | 'bug'

/** Exit status of the process for each code (design 9). `cancelled` is 130 or 143, chosen by the signal. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  preflight: 3,
  'not-found': 1,
  exists: 1,
  'not-running': 1,
  driver: 1,
  provision: 1,
  ssh: 1,
  'host-key': 1,
  tls: 1,
  engine: 1,
  store: 1,
  locked: 1,
  image: 1,
  timeout: 1,
  plugin: 1,
  cancelled: 130,
  bug: 70,
}

/** Details that `MachineError` carries besides its message. */
export interface ErrorDetails {
  /** What the user can do next: whole commands or sentences, most useful first. */
  readonly hints?: readonly string[]
  /** The last thing really seen: console tail, SSH banner, engine log, HTTP body. Never a secret. */
  readonly evidence?: string
  /** Stage of a life-cycle verb in which it happened. */
  readonly stage?: string
  /** Name of the machine concerned. */
  readonly machine?: string
  readonly cause?: unknown
  /** Overrides the code's exit status (143 for SIGTERM). */
  readonly exitCode?: number
}

/** An expected failure with a stable code, its exit status and what to do next. */
export class MachineError extends Error {
  readonly code: ErrorCode
  readonly exitCode: number
  readonly hints: readonly string[]
  readonly evidence: string | undefined
  readonly stage: string | undefined
  readonly machine: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'MachineError'
    this.code = code
    this.exitCode = details.exitCode ?? EXIT_CODES[code]
    this.hints = details.hints ?? []
    this.evidence = details.evidence
    this.stage = details.stage
    this.machine = details.machine
  }

  /** The same failure, its message with something in front. */
  prefixed(prefix: string): MachineError {
    const { code, message, hints, evidence, stage, machine, cause, exitCode } = this
    return new MachineError(code, prefix + message, {
      hints,
      exitCode,
      cause,
      ...(evidence === undefined ? {} : { evidence }),
      ...(stage === undefined ? {} : { stage }),
      ...(machine === undefined ? {} : { machine }),
    })
  }

  /** The same failure with more context; values already present win. */
  with(details: ErrorDetails): MachineError {
    return new MachineError(this.code, this.message, {
      hints: [...new Set([...this.hints, ...(details.hints ?? [])])],
      evidence: this.evidence ?? details.evidence,
      stage: this.stage ?? details.stage,
      machine: this.machine ?? details.machine,
      cause: this.cause ?? details.cause,
      exitCode: this.exitCode,
    })
  }
}

/** True for our own errors, also ones made by another copy of this module. */
export function isMachineError(error: unknown): error is MachineError {
  return error instanceof Error && error.name === 'MachineError' && 'code' in error && 'exitCode' in error
}

/**
 * Any thrown value as a MachineError: what the disk refused is a `store` error that names the file; unknown ones become
 * `bug` (exit 70) and keep the original as cause.
 */
export function toMachineError(error: unknown): MachineError {
  if (isMachineError(error)) return error
  const refusal = refusalIn(error)
  if (refusal) return refusedFile(refusal, error)
  const message = error instanceof Error ? error.message : String(error)
  return new MachineError('bug', message, {
    cause: error,
    hints: ['This is a bug in tsmachine. Run the command again with --debug and report what it prints.'],
  })
}

function refusedFile({ action, path, errno }: FileRefusal, cause: unknown): MachineError {
  const reason = explainErrno(errno, path)
  const hints = reason ? [reason.hint] : []
  return new MachineError('store', `Cannot ${action} ${path}: ${reason?.text ?? errno}`, { hints, cause })
}

/**
 * Several failures that happened side by side (one verb on many machines) as one error. Its cause holds the parts,
 * which the renderer shows one by one; its exit status is the highest of theirs.
 */
export function joinErrors(errors: readonly MachineError[]): MachineError {
  const [first, second] = errors
  if (first === undefined) throw new Error('joinErrors needs an error')
  if (second === undefined) return first
  const same = errors.every((error) => error.code === first.code)
  return new MachineError(same ? first.code : 'driver', errors.map((error) => error.message).join('\n'), {
    cause: new AggregateError(errors),
    exitCode: Math.max(...errors.map((error) => error.exitCode)),
  })
}

/** The message of any thrown value, for texts. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
