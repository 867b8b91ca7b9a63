import type { MachineError } from '../contracts/errors.js'
import { isMachineError } from '../contracts/errors.js'
import { inNameOf, jsonForTerminals } from '../util/text.js'

/** Version of the documents that `--json` prints (docs/json-output.md). */
export const JSON_SCHEMA = 1

/** The document of a command that worked: `result` is documented per command. */
export function resultDocument(command: string, result: unknown): string {
  return document({ schema: JSON_SCHEMA, command, ok: true, result })
}

/** The same on one line: a command that goes on prints one after the other. */
export function resultLine(command: string, result: unknown): string {
  return document({ schema: JSON_SCHEMA, command, ok: true, result }, '')
}

/** Of a command that did a part of its work: what that was, and each failure. */
export function partDocument(
  command: string,
  result: unknown,
  error: MachineError,
  { exitCode, program }: { exitCode: number; program: string },
): string {
  const whole = errorJson(error, exitCode, program)
  const errors = whole['errors'] ?? [whole]
  return document({ schema: JSON_SCHEMA, command, ok: false, result, error: whole, errors })
}

/** The document of a command that failed. */
export function errorDocument(
  command: string,
  error: MachineError,
  exitCode: number,
  program = 'tsmachine',
): string {
  return document({ schema: JSON_SCHEMA, command, ok: false, error: errorJson(error, exitCode, program) })
}

function errorJson(error: MachineError, exitCode: number, program: string): Record<string, unknown> {
  const parts =
    error.cause instanceof AggregateError ? (error.cause.errors as unknown[]).filter(isMachineError) : []
  return {
    code: error.code,
    message: error.message,
    exitCode,
    machine: error.machine,
    stage: error.stage,
    hints: error.hints.map((hint) => inNameOf(hint, program)),
    evidence: error.evidence,
    errors: parts.length > 0 ? parts.map((part) => errorJson(part, part.exitCode, program)) : undefined,
  }
}

function document(value: unknown, indent: string | number = 2): string {
  return `${jsonForTerminals(JSON.stringify(value, undefined, indent))}\n`
}
