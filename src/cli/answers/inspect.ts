import { inspectMachine } from '../../machine/inspect.js'
import { resolveName } from '../../machine/names.js'
import type { Template } from '../../ui/template/index.js'
import { escapeAsGo, jsonForTerminals } from '../../util/text.js'
import type { Answer, AnswerInput } from './answer.js'

export async function inspectAnswer(
  { ctx, names }: AnswerInput,
  flags: { readonly format?: string | undefined },
): Promise<Answer> {
  const template = flags.format === undefined ? undefined : await compiled(flags.format)
  const document = await inspectMachine(ctx, resolveName(ctx, names))
  const text = template
    ? `${template(document)}\n`
    : jsonForTerminals(escapeAsGo(JSON.stringify(document, undefined, 4)))
  return { result: document, text }
}

/** Most readers of a record need no templates. */
async function compiled(format: string): Promise<Template> {
  return (await import('../../ui/template/index.js')).compileTemplate(format)
}
