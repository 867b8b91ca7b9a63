import { withoutBrackets } from '../common/address.js'

/** Where an engine URL points. Both parts are empty (0) for a URL without them, which docker-machine accepts as well. */
export interface EngineAddress {
  readonly host: string
  readonly port: number
}

const SCHEMES = ['tcp', 'http', 'https', 'unix', 'npipe', 'ssh']
const DEFAULT_PORT = 2376

/** Host and port of an engine URL; the port is 2376 unless given. */
export function engineAddress(url: string): EngineAddress {
  const parts = /^(?:tcp|https?):\/\/(\[[^\]]*\]|[^:/?#[\]]+)(?::(\d+))?/.exec(url)
  const host = withoutBrackets(parts?.[1] ?? '')
  return host === '' ? { host: '', port: 0 } : { host, port: Number(parts?.[2] ?? DEFAULT_PORT) }
}

/** What is wrong with an engine URL. A text without scheme is kept as it is, as docker-machine does. */
export function urlFault(url: string): string | undefined {
  if (/\s/.test(url) || hasControlCharacter(url))
    return `--url ${JSON.stringify(url)} contains blanks or control characters`
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]
  if (scheme === undefined) return undefined
  if (!SCHEMES.includes(scheme))
    return `--url wants one of ${SCHEMES.map((each) => `${each}://`).join(', ')}, not ${scheme}://`
  const { port } = engineAddress(url)
  return port > 65_535 || (scheme === 'tcp' && port === 0)
    ? `--url ${url} has no usable host and port`
    : undefined
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f')
}
