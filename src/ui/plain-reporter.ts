import type { ReportEvent } from '../contracts/events.js'
import { neutralise, oneLine } from '../util/text.js'
import type { Reporter, ReporterOptions } from './reporter.js'

/** One line per event, for logs and pipes. Progress in between is left out: it would flood a log. */
export function plainReporter(options: ReporterOptions): Reporter {
  const lines = options.story ?? ownLines
  return {
    report(event) {
      if (event.type === 'debug') {
        if (options.debug) options.debugStream.write(`${neutralise(debugLine(event))}\n`)
        return
      }
      const stream = event.type === 'error' ? options.debugStream : options.stream
      for (const line of lines(event)) stream.write(`${neutralise(line)}\n`)
    },
    hold: (work) => work(),
    close: () => undefined,
  }
}

function debugLine(event: { machine?: string | undefined; text: string }): string {
  return event.machine === undefined ? `DBG ${event.text}` : `(${event.machine}) DBG | ${event.text}`
}

function ownLines(event: ReportEvent): readonly string[] {
  const line = plainLine(event)
  return line === undefined ? [] : [line]
}

/** The line of an event, or undefined for events that plain output leaves out. */
export function plainLine(event: ReportEvent): string | undefined {
  switch (event.type) {
    case 'stage':
      return STAGE_LINES[event.state](event)
    case 'progress':
    case 'step':
    case 'part':
    case 'debug':
      return undefined
    case 'warn':
      return `Warning: ${ofSource(event)}`
    case 'info':
    case 'error':
      return event.source === 'driver' && event.machine
        ? `(${event.machine}) ${oneLine(event.text)}`
        : ofSource(event)
  }
}

/** A driver's words stay on their line: what followed could be taken for ours. */
function ofSource({ source, text }: { readonly source?: 'driver'; readonly text: string }): string {
  return source === 'driver' ? oneLine(text) : text
}

type StageEvent = Extract<ReportEvent, { type: 'stage' }>

/** A stage is told once, when it starts; its end is told only where it failed. */
const STAGE_LINES: Readonly<Record<StageEvent['state'], (event: StageEvent) => string | undefined>> = {
  start: (event) => `(${event.machine}) ${event.text}`,
  done: () => undefined,
  failed: (event) => `(${event.machine}) ${event.stage} failed: ${event.text}`,
}
