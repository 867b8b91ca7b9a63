import type { Json, JsonObject } from '../../../src/contracts/json.js'
import type { Answer } from '../cloud/http.js'
import { pageOf } from '../cloud/pages.js'
import { type Labels, selects } from './labels.js'
import type { Action } from './state.js'

interface Listed {
  readonly id: number
  readonly name?: string | null
  readonly labels?: Labels
}

/** A list in the provider's form, filtered by name and labels and sorted as was asked for. */
export function list<T extends Listed>(
  key: string,
  all: Iterable<T>,
  form: (item: T) => Json,
  query: URLSearchParams,
  more: JsonObject = {},
): Answer {
  const name = query.get('name')
  const selector = query.get('label_selector')
  const fitting = [...all].filter(
    (one) =>
      (name === null || one.name === name) && (selector === null || selects(selector, one.labels ?? {})),
  )
  const page = pageOf(fitting.sort(order(query.get('sort'))), query, { usual: 25, most: 50 })
  const pagination = {
    ...{ page: page.page, per_page: page.perPage, last_page: page.last, total_entries: page.total },
    previous_page: page.page > 1 ? page.page - 1 : null,
    next_page: page.page < page.last ? page.page + 1 : null,
  }
  return { status: 200, body: { [key]: page.items.map(form), ...more, meta: { pagination } } }
}

function order(sort: string | null): (a: Listed, b: Listed) => number {
  const [field, direction] = (sort ?? 'id').split(':')
  const sign = direction === 'desc' ? -1 : 1
  return (a, b) => sign * (field === 'name' ? (a.name ?? '').localeCompare(b.name ?? '') : a.id - b.id)
}

export function actionJson({ id, command, started, finished, status, resources }: Action): JsonObject {
  return {
    ...{ id, command, started, finished, status, resources: resources.map((one) => ({ ...one })) },
    progress: status === 'running' ? 0 : 100,
    error: status === 'error' ? { code: 'action_failed', message: 'Action failed' } : null,
  }
}

export const acted = (action: Action): Answer => ({ status: 201, body: { action: actionJson(action) } })
