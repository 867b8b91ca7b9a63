/** os-release(5): shell-like assignments, of which only the quoting is taken. Anything odd is left out. */
export function parseOsRelease(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim())
    if (match) found[match[1] ?? ''] = unquote(match[2] ?? '')
  }
  return found
}

function unquote(value: string): string {
  const quoted = /^"(.*)"$/.exec(value)
  if (quoted) return (quoted[1] ?? '').replace(/\\(["$`\\])/g, '$1')
  return /^'(.*)'$/.exec(value)?.[1] ?? value
}
