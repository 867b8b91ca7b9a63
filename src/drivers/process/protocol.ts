import type { DriverCapabilities, DriverFactory, FlagSpec } from '../../contracts/driver.js'
import {
  EXIT_CODES,
  isMachineError,
  MachineError,
  type ErrorCode,
  type ErrorDetails,
} from '../../contracts/errors.js'
import { BoundedLines } from '../../util/bounded-lines.js'

/**
 * How a driver in a child process is spoken to: one JSON object a line, requests on its stdin, answers on its stdout.
 * Events are pulled one by one (`next`), so that the driver goes on only after the last one has been recorded.
 */
export type ToChild =
  | { readonly id: number; readonly call: string; readonly args: readonly unknown[] }
  | { readonly id: number; readonly next: true }
  | { readonly id: number; readonly end: true }
  | { readonly id: number; readonly abort: ErrorText }
  | { readonly lent: number; readonly value: unknown }
  | { readonly lent: number; readonly error: ErrorText }

/** Answers, and calls of the child for what the parent lends it (`DriverDeps`). */
export type FromChild =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly done: true }
  | { readonly id: number; readonly error: ErrorText }
  | { readonly lent: number; readonly call: string; readonly args: readonly unknown[] }

/** A driver's static half without its functions. */
export interface Description {
  readonly name: string
  readonly summary: string
  readonly capabilities: DriverCapabilities
  readonly flags: readonly FlagSpec[]
  readonly powerRefusal?: DriverFactory['powerRefusal']
  readonly userDataLimit?: number
  /** Optional functions that it has: `login`, `userData` ... */
  readonly has: readonly string[]
}

/** An error as plain JSON. */
export interface ErrorText {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly exitCode?: number
  readonly hints?: readonly string[]
  readonly evidence?: string
  readonly stage?: string
  readonly machine?: string
}

/** An error made ready for the wire. */
export function errorText(error: unknown): ErrorText {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  if (!isMachineError(error)) return { name: error.name, message: error.message }
  const { name, message, code, exitCode, hints, evidence, stage, machine } = error
  return {
    name,
    message,
    code,
    exitCode,
    hints,
    ...(evidence === undefined ? {} : { evidence }),
    ...(stage === undefined ? {} : { stage }),
    ...(machine === undefined ? {} : { machine }),
  }
}

/**
 * The error again on the other side; our own kind keeps code, hints and evidence. A driver may send anything in its place:
 * what has not the type that it should have is left out.
 */
export function errorFromText(sent: ErrorText): Error {
  const text = new Map<string, unknown>(Object.entries((sent as ErrorText | null) ?? {}))
  const message = wordOf(text.get('message')) ?? 'no reason given'
  const name = wordOf(text.get('name')) ?? 'Error'
  if (name !== 'MachineError') return Object.assign(new Error(message), { name })
  const code = wordOf(text.get('code')) ?? ''
  return new MachineError(isErrorCode(code) ? code : 'driver', message, detailsOf(text))
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(EXIT_CODES, code)
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function detailsOf(text: ReadonlyMap<string, unknown>): ErrorDetails {
  const exitCode = text.get('exitCode')
  const hints = text.get('hints')
  const words = ['evidence', 'stage', 'machine'].flatMap((key) => {
    const word = wordOf(text.get(key))
    return word === undefined ? [] : [[key, word] as const]
  })
  return {
    ...Object.fromEntries(words),
    ...(Number.isInteger(exitCode) ? { exitCode: Number(exitCode) & 0xff } : {}),
    ...(Array.isArray(hints) ? { hints: hints.flatMap((hint: unknown) => wordOf(hint) ?? []) } : {}),
  }
}

/** More than any message has; answers that are asked for at once have the same limit. */
export const LONGEST_MESSAGE = 64 * 1024 * 1024

/** Cuts a stream of text into whole lines and hands each on that is not empty. */
export class LineCutter {
  readonly #lines: BoundedLines

  /** @param onTooLong called once for a line that is no message of ours any more; nothing is handed on after it */
  constructor(onLine: (line: string) => void, onTooLong: () => void = () => undefined) {
    const take = (line: string): void => void (line !== '' && onLine(line))
    this.#lines = new BoundedLines(take, { longest: LONGEST_MESSAGE, onTooLong })
  }

  add(text: string): void {
    this.#lines.add(text)
  }
}

/** A message as it is written: on a line of its own, whatever the driver has printed before it. */
export function messageLine(message: ToChild | FromChild): string {
  return `\n${JSON.stringify(message)}\n`
}

/** A message of the child; undefined for anything else that it has printed, JSON or not. */
export function readFromChild(line: string): FromChild | undefined {
  const message = readMessage(line) as FromChild | undefined
  if (message === undefined) return undefined
  if ('lent' in message) return 'call' in message ? message : undefined
  return 'id' in message && ANSWERS.some((key) => key in message) ? message : undefined
}

const ANSWERS = ['value', 'done', 'error'] as const

/** The object in a line of the protocol, undefined for anything else. */
export function readMessage(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
