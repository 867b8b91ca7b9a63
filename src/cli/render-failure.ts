import { type MachineError, isMachineError } from '../contracts/errors.js'
import type { Profile } from '../contracts/profile.js'
import { neutralise } from '../util/text.js'
import type { Failure } from './failure.js'
import { errorDocument } from './json-document.js'

export interface RenderOptions {
  readonly profile: Profile
  readonly json: boolean
  readonly debug: boolean
  /** Name of the command that failed, for the JSON document. */
  readonly command: string
}

/** The only place that shows errors: text on stderr, or one JSON document on stdout. */
export function renderFailure(failure: Failure, options: RenderOptions): void {
  if (!failure.error) return
  if (options.json) process.stdout.write(errorDocument(options.command, failure.error, failure.exitCode))
  else process.stderr.write(failureText(failure.error, options))
}

/** The text of one failure or of several that happened side by side. Control characters are shown, not sent. */
export function failureText(error: MachineError, options: Pick<RenderOptions, 'profile' | 'debug'>): string {
  const parts = partsOf(error).map((part) => oneFailure(part, options.profile))
  const trace = options.debug ? traceOf(error) : ''
  return neutralise(parts.join('') + trace)
}

/** Errors of several machines travel as the cause of one (`joinErrors`). */
function partsOf(error: MachineError): readonly MachineError[] {
  const cause = error.cause
  if (!(cause instanceof AggregateError)) return [error]
  const parts = (cause.errors as unknown[]).filter(isMachineError)
  return parts.length > 0 ? parts : [error]
}

function oneFailure(error: MachineError, profile: Profile): string {
  const lines = [headline(error, profile)]
  if (error.stage !== undefined) lines.push(`  Stage: ${error.stage}`)
  if (error.evidence) lines.push('  Last seen:', ...indented(error.evidence, '    | '))
  if (error.hints.length > 0)
    lines.push('  What to do:', ...error.hints.flatMap((hint) => indented(hint, '    ')))
  return lines.join('\n') + '\n'
}

/** docker-machine prints the bare text, which scripts compare; we say that it is an error. */
function headline(error: MachineError, profile: Profile): string {
  if (profile.program === 'docker-machine' || error.message.startsWith('Error')) return error.message
  return `Error: ${error.message}`
}

function indented(text: string, prefix: string): string[] {
  return text
    .replace(/\n+$/, '')
    .split('\n')
    .map((line) => prefix + line)
}

function traceOf(error: Error): string {
  const causes: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push(at.stack ?? at.message)
  return `\n${causes.join('\ncaused by: ')}\n`
}
