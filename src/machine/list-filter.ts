import { MachineError, messageOf } from '../contracts/errors.js'
import type { BrokenRecord, MachineRecord } from '../contracts/record.js'
import type { MachineState } from '../contracts/state.js'
import { goRegExp } from '../util/go-regexp.js'
import { swarmMasters, swarmRole } from './swarm.js'

const KEYS = ['driver', 'state', 'name', 'label', 'swarm'] as const

/** One `--filter KEY=VALUE`. Same key again means "or", different keys mean "and". */
export interface ListFilter {
  readonly key: (typeof KEYS)[number]
  readonly value: string
}

/** @throws MachineError `usage` in docker-machine's words */
export function parseFilter(text: string): ListFilter {
  const at = text.indexOf('=')
  if (at < 0)
    throw new MachineError('usage', 'Unsupported filter syntax', { hints: ['Write --filter KEY=VALUE.'] })
  const given = text.slice(0, at).toLowerCase()
  const key = KEYS.find((known) => known === given)
  if (key === undefined)
    throw new MachineError('usage', `Unsupported filter key '${given}'`, {
      hints: [`Keys: ${KEYS.join(', ')}`],
    })
  const value = text.slice(at + 1)
  if (key === 'name') nameTest(value)
  return { key, value }
}

/** What records alone can tell. Machines that cannot be loaded are always listed. */
export function filterRecords(
  records: readonly (MachineRecord | BrokenRecord)[],
  filters: readonly ListFilter[],
): (MachineRecord | BrokenRecord)[] {
  const masters = swarmMasters(records.filter(isWhole))
  const tests = recordTests(filters, masters)
  return records.filter((record) => !isWhole(record) || tests.every((test) => test(record)))
}

/** Told apart from a record that cannot be read. */
export function isWhole(record: MachineRecord | BrokenRecord): record is MachineRecord {
  return !('error' in record)
}

/** What only a live answer tells: the state. */
export function stateMatches(state: MachineState, filters: readonly ListFilter[]): boolean {
  const wanted = filters.filter((filter) => filter.key === 'state')
  return wanted.length === 0 || wanted.some((filter) => sameWord(filter.value, state))
}

type RecordTest = (record: MachineRecord) => boolean

function recordTests(
  filters: readonly ListFilter[],
  masters: ReadonlyMap<string, string>,
): readonly RecordTest[] {
  const makers: Readonly<Record<Exclude<ListFilter['key'], 'state'>, (value: string) => RecordTest>> = {
    driver: (value) => (record) => sameWord(value, record.config.DriverName),
    name: (value) => {
      const pattern = nameTest(value)
      return (record) => pattern.test(record.name)
    },
    label: (value) => (record) => hasLabel(record.config.HostOptions.EngineOptions.Labels ?? [], value),
    swarm: (value) => (record) => sameWord(value, masters.get(swarmRole(record).discovery) ?? ''),
  }
  return (['driver', 'name', 'label', 'swarm'] as const).flatMap((key) => {
    const tests = filters.filter((filter) => filter.key === key).map((filter) => makers[key](filter.value))
    return tests.length === 0 ? [] : [(record: MachineRecord) => tests.some((test) => test(record))]
  })
}

function nameTest(pattern: string): RegExp {
  try {
    return goRegExp(pattern)
  } catch (cause) {
    throw new MachineError(
      'usage',
      `Filter name=${pattern} is not a regular expression: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}

/** `label=KEY=VALUE`, or `label=KEY` for any value. The value's case does not matter. */
function hasLabel(labels: readonly string[], wanted: string): boolean {
  const [key, value] = splitOnce(wanted)
  return labels.some((label) => {
    const [labelKey, labelValue = ''] = splitOnce(label)
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
