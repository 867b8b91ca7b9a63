import { sep } from 'node:path'

const OWN = /(?:^|[/(])(src\/[\w/.-]+\.ts)\b/

/** Our modules that are at work now, the innermost first: `src/store/store.ts`. */
export function modulesOnStack(): readonly string[] {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 60
  const { stack = '' } = new Error('where are we')
  Error.stackTraceLimit = stackTraceLimit
  const lines = stack.split('\n').map((line) => OWN.exec(line.split(sep).join('/'))?.[1])
  return [...new Set(lines.filter((line) => line !== undefined))]
}
