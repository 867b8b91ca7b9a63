import { MachineError } from '../contracts/errors.js'
import type { BrokenRecord, MachineRecord } from '../contracts/record.js'
import type { ListRow } from './list.js'

/** One `--filter KEY=VALUE`. Same key again means "or", different keys mean "and". */
export interface ListFilter {
  readonly key: 'driver' | 'state' | 'name' | 'label'
  readonly value: string
}

const KEYS: readonly string[] = ['driver', 'state', 'name', 'label']

/** @throws MachineError `usage` in docker-machine's words */
export function parseFilter(text: string): ListFilter {
  const at = text.indexOf('=')
  if (at < 0)
    throw new MachineError('usage', 'Unsupported filter syntax', { hints: ['Write --filter KEY=VALUE.'] })
  const key = text.slice(0, at).toLowerCase()
  if (!KEYS.includes(key))
    throw new MachineError('usage', `Unsupported filter key '${key}'`, {
      hints: [`Keys: ${KEYS.join(', ')}`],
    })
  const filter = { key, value: text.slice(at + 1) } as ListFilter
  if (filter.key === 'name') nameTest(filter.value)
  return filter
}

/** What records alone can tell. Machines that cannot be loaded are always listed. */
export function filterRecords(
  records: readonly (MachineRecord | BrokenRecord)[],
  filters: readonly ListFilter[],
): (MachineRecord | BrokenRecord)[] {
  return records.filter((record) => 'error' in record || recordMatches(record, filters))
}

/** What only a live answer tells: the state. */
export function filterRows(rows: readonly ListRow[], filters: readonly ListFilter[]): ListRow[] {
  const wanted = filters.filter((filter) => filter.key === 'state')
  return rows.filter(
    (row) => wanted.length === 0 || wanted.some((filter) => sameWord(filter.value, row.state)),
  )
}

function recordMatches(record: MachineRecord, filters: readonly ListFilter[]): boolean {
  const tests: Readonly<Record<'driver' | 'name' | 'label', (value: string) => boolean>> = {
    driver: (value) => sameWord(value, record.config.DriverName),
    name: (value) => nameTest(value).test(record.name),
    label: (value) => hasLabel(record.config.HostOptions.EngineOptions.Labels ?? [], value),
  }
  return (['driver', 'name', 'label'] as const).every((key) => {
    const values = filters.filter((filter) => filter.key === key)
    return values.length === 0 || values.some((filter) => tests[key](filter.value))
  })
}

function nameTest(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (cause) {
    throw new MachineError('usage', `Filter name=${pattern} is not a regular expression`, { cause })
  }
}

/** `label=KEY=VALUE`, or `label=KEY` for any value. The value's case does not matter. */
function hasLabel(labels: readonly string[], wanted: string): boolean {
  const [key = '', value] = splitOnce(wanted)
  return labels.some((label) => {
    const [labelKey = '', labelValue = ''] = splitOnce(label)
    return labelKey === key && (value === undefined || sameWord(labelValue, value))
  })
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function sameWord(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
