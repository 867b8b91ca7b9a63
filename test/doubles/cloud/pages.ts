/** One page of a list, and where it is in the whole. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly page: number
  readonly perPage: number
  readonly last: number
  readonly total: number
}

export function pageOf<T>(
  all: readonly T[],
  query: URLSearchParams,
  limits: { readonly usual: number; readonly most: number },
): Page<T> {
  const page = Number(query.get('page') ?? 1)
  const perPage = Math.min(limits.most, Number(query.get('per_page') ?? limits.usual))
  const last = Math.max(1, Math.ceil(all.length / perPage))
  return {
    items: all.slice((page - 1) * perPage, page * perPage),
    page,
    perPage,
    last,
    total: all.length,
  }
}
