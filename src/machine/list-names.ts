import type { MachineContext } from './context.js'
import { filterRecords, isWhole, type ListFilter } from './list-filter.js'

/** Names only, as `ls -q`: directory order, no driver asked; and the machines that cannot be loaded. */
export function listNames(
  ctx: MachineContext,
  filters: readonly ListFilter[] = [],
): { readonly names: readonly string[]; readonly unloadable: readonly string[] } {
  if (filters.length === 0) {
    const { whole, broken } = ctx.store.namesByWholeness()
    return { names: whole, unloadable: broken }
  }
  const records = filterRecords(ctx.store.readAll(), filters)
  const [whole, broken] = [records.filter(isWhole), records.filter((record) => !isWhole(record))]
  return { names: whole.map((record) => record.name), unloadable: broken.map((record) => record.name) }
}
