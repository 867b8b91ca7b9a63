import type { Report, ReportEvent } from '../contracts/events.js'
import { jsonReporter } from './json-reporter.js'
import { plainReporter } from './plain-reporter.js'
import { ttyReporter } from './tty-reporter.js'

/** Where a reporter writes: process.stderr, or a collector in tests. */
export interface TextSink {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** A reporter and how to end it (a live display must be cleared before other output). */
export interface Reporter {
  readonly report: Report
  /** Leaves the terminal to a question until `work` ends; what is reported meanwhile comes after it. */
  hold<T>(work: () => Promise<T>): Promise<T>
  close(): void
}

export interface ReporterOptions {
  /** `auto`: live on a terminal, plain lines elsewhere. */
  readonly mode: 'auto' | 'tty' | 'plain' | 'json'
  readonly stream: TextSink
  readonly debug: boolean
  /** Debug lines and errors go to stderr under every name. */
  readonly debugStream: TextSink
  /** Plain lines in other words than ours. */
  readonly story?: (event: ReportEvent) => readonly string[]
}

/** The reporter for this run. */
export function createReporter(options: ReporterOptions): Reporter {
  const mode = options.mode === 'auto' ? (live(options) ? 'tty' : 'plain') : options.mode
  return REPORTERS[mode](options)
}

/** Debug lines and a live display would overwrite each other. */
function live(options: ReporterOptions): boolean {
  return options.stream.isTTY === true && !options.debug
}

const REPORTERS: Readonly<Record<'tty' | 'plain' | 'json', (options: ReporterOptions) => Reporter>> = {
  tty: ttyReporter,
  plain: plainReporter,
  json: jsonReporter,
}
