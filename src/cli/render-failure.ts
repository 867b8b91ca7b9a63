import { type MachineError, isMachineError } from '../contracts/errors.js'
import type { Profile } from '../contracts/profile.js'
import { inNameOf, neutralise } from '../util/text.js'
import type { Failure } from './failure.js'
import { errorDocument } from './json-document.js'

export interface RenderOptions {
  readonly profile: Profile
  readonly json: boolean
  readonly debug: boolean
  /** Name of the command that failed, for the JSON document. */
  readonly command: string
}

/** What the text of a failure depends on. */
export interface TextOptions extends Pick<RenderOptions, 'profile' | 'debug'> {
  /** Whether somebody reads it as it appears. */
  readonly terminal: boolean
}

/** The only place that shows errors: text on stderr, or one JSON document on stdout. */
export function renderFailure(failure: Failure, options: RenderOptions): void {
  if (!failure.error) return
  const { error, exitCode } = failure
  const { profile, json, command } = options
  if (json) process.stdout.write(errorDocument(command, error, exitCode, profile.program))
  else process.stderr.write(failureText(error, { ...options, terminal: process.stderr.isTTY }))
}

/** The text of one failure or of several that happened side by side. Control characters are shown, not sent. */
export function failureText(error: MachineError, options: TextOptions): string {
  const isOne = !(error.cause instanceof AggregateError) || options.profile.story === 'docker-machine'
  const parts = isOne
    ? partsOf(error).map((part) => oneFailure(part, options))
    : together(partsOf(error), options)
  const trace = options.debug ? traceOf(error) : ''
  return neutralise(parts.join('') + trace)
}

/** One text each; machines that failed in the same way, as of a bad token, share one. */
function together(parts: readonly MachineError[], options: TextOptions): readonly string[] {
  const texts = parts.map((part) => oneFailure(part, options))
  return [...new Set(texts)].map((text) => {
    const alike = parts.filter((_part, at) => texts[at] === text)
    const names = alike.flatMap(({ machine, message }) =>
      machine && !isNamed(message, machine) ? [machine] : [],
    )
    return names.length === 0 ? text : text.replace(/^(Error: )?/, `$1${names.join(', ')}: `)
  })
}

function isNamed(message: string, machine: string): boolean {
  return message.split(/[^\w.-]+/).includes(machine)
}

/** Errors of several machines travel as the cause of one (`joinErrors`). */
function partsOf(error: MachineError): readonly MachineError[] {
  const cause = error.cause
  if (!(cause instanceof AggregateError)) return [error]
  const parts = (cause.errors as unknown[]).filter(isMachineError)
  return parts.length > 0 ? parts : [error]
}

function oneFailure(error: MachineError, options: TextOptions): string {
  const lines = headline(error, options.profile)
  if (isBare(error, options)) return `${[...lines, ...nearMisses(error)].join('\n')}\n`
  if (error.stage !== undefined) lines.push(`  Stage: ${error.stage}`)
  if (error.evidence) lines.push('  Last seen:', ...indented(error.evidence, '    | '))
  if (error.hints.length > 0)
    lines.push('  What to do:', ...error.hints.flatMap((hint) => indented(hint, '    ')))
  return inNameOf(lines.join('\n'), options.profile.program) + '\n'
}

/** Scripts compare what docker-machine says in one line; where work failed, its log is better off with the rest. */
function isBare({ stage, evidence }: MachineError, { profile, terminal }: TextOptions): boolean {
  return profile.story === 'docker-machine' && !terminal && stage === undefined && !evidence
}

/** A misspelt word costs a fleet's operator more time than a second line costs a script. */
function nearMisses({ code, hints }: MachineError): readonly string[] {
  return code === 'usage' ? hints.filter((hint) => hint.startsWith('Did you mean ')) : []
}

/**
 * docker-machine prints the bare text, which scripts compare; we say that it is an error. Further lines of a message, as a
 * provider or a plugin may send them, are marked: they are not our advice.
 */
function headline(error: MachineError, profile: Profile): string[] {
  if (profile.program === 'docker-machine') return [error.message]
  const [first = '', ...more] = error.message.trimEnd().split('\n')
  const marked = more.map((line) => `  | ${line}`)
  return [first.startsWith('Error') ? first : `Error: ${first}`, ...marked]
}

function indented(text: string, prefix: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => prefix + line)
}

function traceOf(error: Error): string {
  const causes: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push(at.stack ?? at.message)
  return `\n${causes.join('\ncaused by: ')}\n`
}
