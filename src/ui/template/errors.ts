import { MachineError } from '../../contracts/errors.js'

/** A fault of a template, with its place as `line:column`. @returns MachineError `usage` in docker-machine's words */
export function templateError(source: string, offset: number, message: string): MachineError {
  const before = source.slice(0, offset)
  const line = before.split('\n').length
  const column = offset - (before.lastIndexOf('\n') + 1) + 1
  return new MachineError('usage', `template parsing error: template: ${line}:${column}: ${message}`, {
    hints: ['Templates are those of Go: {{.Field.Sub}}, {{json .}}, {{range .List}}...{{end}}.'],
  })
}
