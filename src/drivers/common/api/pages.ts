import { MachineError } from '../../../contracts/errors.js'

/** Names the next page: its number, or the provider's own token. */
export type Cursor = string | number

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Absent (or null) on the last page. */
  readonly next?: Cursor | null | undefined
}

/** More pages than any account has: a list that never ends is a fault. */
const MOST_PAGES = 2_000

/**
 * All items of a list that comes in pages. `fetch` is called without a cursor for the first one.
 * @throws MachineError `driver` where the pages go in a circle
 */
export async function allPages<T>(
  what: string,
  fetch: (cursor: Cursor | undefined) => Promise<Page<T>>,
): Promise<T[]> {
  const items: T[] = []
  const seen = new Set<Cursor>()
  let cursor: Cursor | undefined
  for (;;) {
    const page = await fetch(cursor)
    items.push(...page.items)
    if (page.next === undefined || page.next === null || page.next === '') return items
    if (seen.has(page.next) || seen.size > MOST_PAGES)
      throw new MachineError('driver', `The pages of ${what} never end: page ${page.next} came again`)
    seen.add((cursor = page.next))
  }
}

/**
 * The number of the next page where the provider gives its URL (`links.pages.next`). Only the number is taken: the
 * token never follows a URL that came in an answer.
 */
export function pageOfUrl(url: string | undefined | null): number | undefined {
  if (!url || !URL.canParse(url, 'https://localhost')) return undefined
  const page = Number(new URL(url, 'https://localhost').searchParams.get('page'))
  return Number.isInteger(page) && page > 0 ? page : undefined
}
