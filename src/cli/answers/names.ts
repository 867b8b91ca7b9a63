import { listNames } from '../../machine/list-names.js'
import type { ListFilter } from '../../machine/list-filter.js'
import { oneLine } from '../../util/text.js'
import type { Answer, AnswerInput } from './answer.js'

/** `ls -q` by what is recorded. Machines that cannot be loaded are told of. */
export function namesAnswer({ ctx }: Pick<AnswerInput, 'ctx'>, filters: readonly ListFilter[] = []): Answer {
  const { names, unloadable } = listNames(ctx, filters)
  for (const name of unloadable)
    ctx.report({ type: 'warn', text: oneLine(`Not listed, for it cannot be loaded: ${name}`) })
  return { result: names, text: names.join('\n') }
}
