import type { MachineContext } from './context.js'
import { runningCreate } from './interrupt.js'
import { notFound } from './names.js'

/**
 * Which of these names `rm` is to work on; a create under way may have no record yet. Unknown ones are an error before anything is removed; with `force` they
 * are only mentioned.
 */
export function removable(ctx: MachineContext, names: readonly string[], force: boolean): readonly string[] {
  const unknown = names.filter((name) => !ctx.store.exists(name) && !runningCreate(ctx, name))
  const [first] = unknown
  if (first !== undefined && !force) throw notFound(ctx, first)
  for (const name of unknown)
    ctx.report({
      type: 'warn',
      machine: name,
      text: `Can't remove "${name}": ${notFound(ctx, name).message}`,
    })
  return names.filter((name) => !unknown.includes(name))
}
