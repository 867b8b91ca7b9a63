/** Filters, ids and pages of the Describe calls. */
import type { Filter, Tag } from '@aws-sdk/client-ec2'
import { badValue, refuse } from './errors.js'

type Value = string | boolean | number | undefined

/** What each filter of a Describe call looks at. */
export type Fields<T> = Readonly<Record<string, (item: T) => Value | readonly Value[]>>

/** Those that pass all filters; `tag:KEY` and `tag-key` work everywhere. */
export function filtered<T extends object>(
  items: readonly T[],
  filters: readonly Filter[] | undefined,
  fields: Fields<T>,
): T[] {
  return (filters ?? []).reduce<T[]>(
    (left, filter) => left.filter((item) => passes(item, filter, fields)),
    [...items],
  )
}

function passes<T extends object>(item: T, filter: Filter, fields: Fields<T>): boolean {
  const wanted = (filter.Values ?? []).map(pattern)
  const values = valuesOf(item, filter.Name ?? '', fields)
  return values.some((value) => wanted.some((one) => one.test(String(value ?? ''))))
}

function valuesOf<T extends object>(item: T, name: string, fields: Fields<T>): readonly Value[] {
  const { Tags: tags = [] } = item as { Tags?: Tag[] }
  if (name.startsWith('tag:'))
    return tags.filter(({ Key }) => Key === name.slice(4)).map((each) => each.Value)
  if (name === 'tag-key') return tags.map(({ Key }) => Key)
  const field = fields[name]
  if (!field) return refuse('InvalidParameterValue', `The filter '${name}' is invalid`)
  const value = field(item)
  return Array.isArray(value) ? (value as readonly Value[]) : [value as Value]
}

/** `*` stands for any characters and `?` for one. */
function pattern(text: string): RegExp {
  const source = text
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${source}$`, 's')
}

/** Those with the ids that were asked for, all of them, or an error that names what is missing. */
export function byId<T>(
  all: ReadonlyMap<string, T>,
  ids: readonly string[] | undefined,
  missing: (ids: readonly string[]) => never,
): T[] {
  if (!ids || ids.length === 0) return [...all.values()]
  const absent = ids.filter((id) => !all.has(id))
  if (absent.length > 0) missing(absent)
  return ids.flatMap((id) => all.get(id) ?? [])
}

export interface PageRequest {
  readonly MaxResults?: number | undefined
  readonly NextToken?: string | undefined
}

/** One page, and the token of the next. */
export function page<T>(
  items: readonly T[],
  { MaxResults, NextToken }: PageRequest,
  limits = { least: 5, most: 1000 },
): { items: T[]; NextToken: string | undefined } {
  if (MaxResults !== undefined && (MaxResults < limits.least || MaxResults > limits.most))
    badValue('maxResults', MaxResults, `Expecting a value between ${limits.least} and ${limits.most}.`)
  const from = NextToken ? offsetOf(NextToken) : 0
  const to = from + (MaxResults ?? limits.most)
  return { items: items.slice(from, to), NextToken: to < items.length ? tokenOf(to) : undefined }
}

function tokenOf(offset: number): string {
  return Buffer.from(`from:${offset}`).toString('base64')
}

function offsetOf(token: string): number {
  const offset = /^from:(\d+)$/.exec(Buffer.from(token, 'base64').toString())?.[1]
  return offset === undefined ? badValue('nextToken', token) : Number(offset)
}
