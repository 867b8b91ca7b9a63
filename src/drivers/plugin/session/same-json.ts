const STRING_OR_SPACE = /"(?:[^"\\]|\\.)*"|\s+/g

/** Whether two JSON texts say the same in the same order. Numbers are compared as they are written: Go's have 64 bits. */
export function sameJson(a: string, b: string): boolean {
  return a === b || compact(a) === compact(b)
}

/** Without spaces, and every string in its shortest form. */
function compact(text: string): string {
  return text.replace(STRING_OR_SPACE, (part) => (part.startsWith('"') ? shortest(part) : ''))
}

function shortest(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text
  }
}
