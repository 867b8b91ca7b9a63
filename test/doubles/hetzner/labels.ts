import type { Json } from '../../../src/contracts/json.js'
import { invalid } from './words.js'

export type Labels = Readonly<Record<string, string>>

const NAME = /^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/
const DOMAIN = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/** Labels of a request, held to what the provider lets keys and values be. */
export function labelsOf(value: Json | undefined): Labels {
  const labels = (value ?? {}) as Labels
  for (const [key, text] of Object.entries(labels)) {
    const [name = '', domain] = key.split('/').reverse()
    if (!NAME.test(name) || (domain !== undefined && !DOMAIN.test(domain)))
      throw invalid('labels', `label key '${key}' is invalid`)
    if (text !== '' && !NAME.test(text)) throw invalid('labels', `label value '${text}' is invalid`)
  }
  return labels
}

/** Whether labels fit a selector: `k`, `!k`, `k=v`, `k==v`, `k!=v`, `k in (a,b)` and `k notin (a,b)`, with commas for "and". */
export function selects(selector: string, labels: Labels): boolean {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .every((term) => fits(term, labels))
}

function fits(term: string, labels: Labels): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term)
  if (set) {
    const [, key = '', word, list = ''] = set
    const within = list.split(',').some((value) => value.trim() === labels[key])
    return word === 'in' ? within : !within
  }
  const compared = /^([^=!\s]+)\s*(!=|==?)\s*(\S*)$/.exec(term)
  if (compared) {
    const [, key = '', sign, value] = compared
    return sign === '!=' ? labels[key] !== value : labels[key] === value
  }
  if (!/^!?[\w./-]+$/.test(term)) throw invalid('label_selector', `'${term}' is not a selector`)
  return term.startsWith('!') ? !(term.slice(1) in labels) : term in labels
}
