import type { PortForward } from '../contracts/forwards.js'
import { renderTable } from './table.js'

const SOURCES: Readonly<Record<PortForward['source'], string>> = {
  ssh: 'SSH',
  engine: 'engine API',
  container: 'container',
  manual: 'by hand',
}

/** The table of `forward NAME`. */
export function renderForwards(forwards: readonly PortForward[]): string {
  return renderTable([
    ['HERE', 'MACHINE', 'FOR', 'ERRORS'],
    ...forwards.map((forward) => [
      forward.hostPort > 0 ? `127.0.0.1:${forward.hostPort}` : '-',
      `${forward.guestPort}/${forward.protocol}`,
      forward.container ? `${SOURCES[forward.source]} ${forward.container}` : SOURCES[forward.source],
      forward.error ?? '',
    ]),
  ])
}
