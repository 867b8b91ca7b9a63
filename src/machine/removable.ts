import type { MachineContext } from './context.js'
import { notFound } from './names.js'

/**
 * Which of these names `rm` is to work on. Unknown ones are an error before anything is removed; with `force` they
 * are only mentioned.
 */
export function removable(ctx: MachineContext, names: readonly string[], force: boolean): readonly string[] {
  const unknown = names.filter((name) => !ctx.store.exists(name))
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
