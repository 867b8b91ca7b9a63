/**
 * Text that came from elsewhere (guests, providers, records, file names) made safe for a terminal: control characters,
 * C1 codes and the characters that reorder text are shown as escapes. Line breaks and tabs stay.
 */
export function neutralise(text: string): string {
  return text.replace(CONSOLE_LINE_END, '').replace(UNSAFE, escapeCharacter)
}

/** The same for one line: line breaks become blanks and tabs one blank. */
export function oneLine(text: string): string {
  return neutralise(text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/\t/g, ' ')).trim()
}

/** Serial consoles end their lines with CR LF. */
const CONSOLE_LINE_END = /\r+(?=\n|$)/g

const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}

/** A value as Go's `%q` writes it, for messages whose text scripts know. */
export function quote(text: string): string {
  return `"${neutralise(text.replace(/[\\"]/g, '\\$&')).replaceAll('\n', '\\n').replaceAll('\t', '\\t')}"`
}

/** JSON as Go's encoder writes it: with characters escaped that JSON does not ask for. */
export function escapeAsGo(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Commands of ours in a text, under the name that this run was called by. */
export function inNameOf(text: string, program: string): string {
  return text.replace(/\btsmachine(?= [a-z-])/g, program)
}
