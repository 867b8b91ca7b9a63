import { neutralise } from '../util/text.js'
import type { Report, ReportEvent } from '../contracts/events.js'

/** Longer lines end the reader of a host in Go. */
const MOST_CHARACTERS = 16_000

/**
 * What a plugin says: the host shows the lines of `stdout`, and those of `stderr` to who debugs. An error that does not
 * end a call goes to `stdout` too, as nobody would see it otherwise.
 */
export function pluginReport(streams: {
  readonly stdout: Pick<NodeJS.WritableStream, 'write'>
  readonly stderr: Pick<NodeJS.WritableStream, 'write'>
}): Report {
  return (event) => {
    const text = lineOf(event)
    if (text === undefined) return
    const stream = isForDebuggers(event) ? streams.stderr : streams.stdout
    for (const line of linesOf(text)) stream.write(`${neutralise(line)}\n`)
  }
}

/** Stages that the host itself tells of, as it asks for them. */
const TOLD_BY_HOST: ReadonlySet<string> = new Set(['preflight', 'make'])

function lineOf(event: ReportEvent): string | undefined {
  if (event.type === 'stage')
    return event.state === 'start' && !TOLD_BY_HOST.has(event.stage) ? `${event.text}...` : undefined
  return event.type === 'part' || event.type === 'step' ? undefined : event.text
}

/** Progress is told many times a second. */
function isForDebuggers({ type }: ReportEvent): boolean {
  return type === 'debug' || type === 'progress'
}

function linesOf(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .flatMap((line) => line.match(new RegExp(`.{1,${MOST_CHARACTERS}}`, 'gsu')) ?? [])
}
