import { MachineError } from '../../contracts/errors.js'

/** A template that cannot be read, and one that cannot be carried out over its value. */
export type TemplateStage = 'parsing' | 'executing'

/** A fault of a template, with its place as `line:column`. @returns MachineError `usage` in docker-machine's words */
export function templateError(
  source: string,
  offset: number,
  message: string,
  stage: TemplateStage = 'parsing',
): MachineError {
  const before = source.slice(0, offset)
  const line = before.split('\n').length
  const column = [...before.slice(before.lastIndexOf('\n') + 1)].length + 1
  const lead = stage === 'parsing' ? 'template parsing error: template' : 'template'
  const text = stage === 'parsing' ? message : `executing: ${message}`
  return new MachineError('usage', `${lead}: ${line}:${column}: ${text}`, {
    hints: ['Templates are those of Go: {{.Field.Sub}}, {{json .}}, {{range .List}}...{{end}}.'],
  })
}
