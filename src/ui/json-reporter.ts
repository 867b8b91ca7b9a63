import { jsonForTerminals } from '../util/text.js'
import type { Reporter, ReporterOptions } from './reporter.js'

/** One JSON object per line and event, on stderr: stdout belongs to the one document of the answer. */
export function jsonReporter(options: ReporterOptions): Reporter {
  return {
    report(event) {
      if (event.type !== 'debug' || options.debug)
        options.stream.write(`${jsonForTerminals(JSON.stringify({ event }))}\n`)
    },
    hold: (work) => work(),
    close: () => undefined,
  }
}
