/**
 * EnvironmentFile= as systemd reads it (systemd.exec(5) and its env-file parser): quotes join to one value, a backslash in
 * double quotes is taken away before " \ ` $ alone, one outside before any character; comments begin with # or ;.
 */
export function parseSystemdEnvironment(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  let rest = text
  while (rest !== '') {
    const key = /^[ \t]*(?:[#;][^\n]*\n|\n|([^=\n]*)=)/.exec(rest)
    if (!key) break
    rest = rest.slice(key[0].length)
    if (key[1] === undefined) continue
    const [value, after] = readValue(rest)
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(key[1]) && !/[^\P{Cc}\t\n]/u.test(value)) found[key[1]] = value
    rest = after
  }
  return found
}

function readValue(text: string): [value: string, rest: string] {
  let value = ''
  let at = 0
  let trailing = 0
  while (at < text.length && text[at] !== '\n') {
    const [part, length, isPlainBlank] = readPart(text.slice(at))
    // Blanks outside quotes count only between other characters.
    trailing = isPlainBlank ? trailing + part.length : 0
    if (!(isPlainBlank && value === '')) value += part
    else trailing = 0
    at += length
  }
  return [trailing > 0 ? value.slice(0, -trailing) : value, text.slice(at + 1)]
}

function readPart(text: string): [part: string, length: number, isPlainBlank: boolean] {
  const single = /^'([^']*)'/.exec(text)
  if (single) return [single[1] ?? '', single[0].length, false]
  const double = /^"((?:[^"\\]|\\[^])*)"/.exec(text)
  if (double)
    return [
      (double[1] ?? '').replace(/\\([^])/g, (all, c: string) =>
        '"\\`$'.includes(c) ? c : c === '\n' ? '' : all,
      ),
      double[0].length,
      false,
    ]
  if (text.startsWith('\\')) return [text[1] === '\n' ? '' : (text[1] ?? ''), 2, false]
  return [text[0] ?? '', 1, /[ \t]/.test(text[0] ?? '')]
}
