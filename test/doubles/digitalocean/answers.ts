import type { Json, JsonObject } from '../../../src/contracts/json.js'
import type { Answer } from '../cloud/http.js'
import { pageOf } from '../cloud/pages.js'
import { type Action, regionOf } from './state.js'

const BASE = 'https://api.digitalocean.com'

/** A list in the provider's form: the links name only pages that exist. */
export function list<T>(
  key: string,
  all: readonly T[],
  form: (item: T) => Json,
  query: URLSearchParams,
  path: string,
): Answer {
  const page = pageOf(all, query, { usual: 20, most: 200 })
  const link = (number: number): string => {
    const words = new URLSearchParams(query)
    words.set('page', `${number}`)
    return `${BASE}${path}?${words.toString()}`
  }
  const pages: Record<string, string> = {}
  if (page.page > 1) {
    pages['first'] = link(1)
    pages['prev'] = link(page.page - 1)
  }
  if (page.page < page.last) {
    pages['next'] = link(page.page + 1)
    pages['last'] = link(page.last)
  }
  const links: JsonObject = Object.keys(pages).length > 0 ? { pages } : {}
  return { status: 200, body: { [key]: page.items.map(form), links, meta: { total: page.total } } }
}

export function actionJson(action: Action): JsonObject {
  return { ...action, region: regionOf(action.region_slug) }
}
