/**
 * Text that came from elsewhere (guests, providers, records, file names) made safe for a terminal: control characters,
 * C1 codes and the characters that reorder text or are not seen are shown as escapes. Line breaks and tabs stay.
 */
export function neutralise(text: string): string {
  const lines = text.includes('\r') ? text.split('\n').map(withoutLineEnd).join('\n') : text
  return lines.replace(UNSAFE, escapeCharacter)
}

/** The same for one line: line breaks become blanks and tabs one blank. */
export function oneLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim())
  return neutralise(lines.filter(Boolean).join(' ').replaceAll('\t', ' '))
}

/** Serial consoles end their lines with CR LF. A pattern would look from each of many CRs to the last. */
function withoutLineEnd(line: string): string {
  let end = line.length
  while (line[end - 1] === '\r') end--
  return line.slice(0, end)
}

const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  if (code > 0xffff) return `\\u{${hex}}`
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`
}

/** JSON with the same characters as JSON's own escapes, so that it means the same and a terminal obeys none of it. */
export function jsonForTerminals(json: string): string {
  return json.replace(UNSAFE, (character) => character.replace(/[^]/g, unicodeEscape))
}

/** The same for readers of YAML: it knows more line ends than JSON, and refuses what cannot be printed. */
export function jsonForYaml(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, unicodeEscape)
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A value as Go's `%q` writes it, for messages whose text scripts know. */
export function quote(text: string): string {
  return `"${neutralise(text.replace(/[\\"]/g, '\\$&')).replaceAll('\n', '\\n').replaceAll('\t', '\\t')}"`
}

/** JSON as Go's encoder writes it: with characters escaped that JSON does not ask for. */
export function escapeAsGo(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, unicodeEscape)
}

/** Commands of ours in a text, under the name that this run was called by. */
export function inNameOf(text: string, program: string): string {
  return text.replace(/\btsmachine(?= [a-z-])/g, program)
}
