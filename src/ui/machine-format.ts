import { isMachineError } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import { oneLine } from '../util/text.js'
import { activeCell, driverCell, type ShownMachine } from './machine-list.js'
import { renderTable } from './table.js'
import { compileTemplate, Struct, type Template, type Value } from './template/index.js'
import { isList, isMap, type ValueMap } from './template/value.js'

/** Fields of `ls --format`: docker-machine's, in its order, with their headers; ours are the last ones. */
const HEADERS: Readonly<Record<string, string>> = {
  Name: 'NAME',
  Active: 'ACTIVE',
  ActiveHost: 'ACTIVE_HOST',
  ActiveSwarm: 'ACTIVE_SWARM',
  DriverName: 'DRIVER',
  State: 'STATE',
  URL: 'URL',
  SwarmOptions: 'SWARM_OPTIONS',
  Swarm: 'SWARM',
  EngineOptions: 'ENGINE_OPTIONS',
  Error: 'ERRORS',
  DockerVersion: 'DOCKER',
  ResponseTime: 'RESPONSE',
  CertificateDays: 'CERT',
}

/** Go's structs in the order of their fields; a list that is null prints as an empty one. */
const ENGINE_ZERO: JsonObject = {
  ArbitraryFlags: [],
  Dns: [],
  GraphDir: '',
  Env: [],
  Ipv6: false,
  InsecureRegistry: [],
  Labels: [],
  LogLevel: '',
  StorageDriver: '',
  SelinuxEnabled: false,
  TlsVerify: false,
  RegistryMirror: [],
  InstallURL: '',
}
const SWARM_ZERO: JsonObject = {
  IsSwarm: false,
  Address: '',
  Discovery: '',
  Agent: false,
  Master: false,
  Host: '',
  Image: '',
  Strategy: '',
  Heartbeat: 0,
  Overcommit: 0,
  ArbitraryFlags: [],
  ArbitraryJoinFlags: [],
  Env: [],
  IsExperimental: false,
}

/**
 * `--format`: one line per machine; `table ...` adds a header and aligns. Names of fields in any case.
 * @throws MachineError `usage` naming the place of a fault
 */
export function compileFormat(format: string): (rows: readonly ShownMachine[]) => string {
  const isTable = format.startsWith('table')
  const source = withoutBlanks(isTable ? format.slice('table'.length) : format)
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n')
  const template = compileTemplate(source)
  return (rows) => {
    if (!isTable) return rows.map((row) => `${template(fields(row))}\n`).join('')
    const texts = rows.map((row) => template(mapTexts(fields(row))))
    const lines = [header(template, source), ...texts].flatMap((text) => text.split('\n'))
    return renderTable(lines.map((line) => line.split('\t')))
  }
}

function withoutBlanks(text: string): string {
  let end = text.length
  while (text[end - 1] === ' ') end--
  return text.slice(0, end).replace(/^ +/, '')
}

/** In a table a line break or a tab of a label's would begin a row or a cell. */
function mapTexts(value: Value): Value {
  if (typeof value === 'string') return oneLine(value)
  if (isList(value)) return value.map(mapTexts)
  if (value instanceof Struct) return new Struct(mapFields(value.fields))
  return isMap(value) ? mapFields(value) : value
}

function mapFields(fields: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, mapTexts(value)]))
}

/** The template over the headers, as docker-machine has it; where that fails, each column gets its first field's. */
function header(template: Template, source: string): string {
  try {
    return template(new Struct(HEADERS))
  } catch (error) {
    if (!isMachineError(error)) throw error
    return source.split('\t').map(columnHeader).join('\t')
  }
}

function columnHeader(column: string): string {
  const [, path = ''] = /\.(\w+(?:\.\w+)*)/.exec(column) ?? []
  const name = path.split('.').at(-1) ?? ''
  const known = Object.hasOwn(HEADERS, name) ? HEADERS[name] : undefined
  return known ?? name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
}

function fields(row: ShownMachine): Struct {
  const values: Readonly<Record<string, Value>> = {
    Name: row.name,
    Active: activeCell(row),
    ActiveHost: row.active,
    ActiveSwarm: row.activeSwarm,
    DriverName: driverCell(row),
    State: row.state,
    URL: row.url,
    SwarmOptions: options(SWARM_ZERO, row.swarmOptions),
    Swarm: row.swarm,
    EngineOptions: options(ENGINE_ZERO, row.engineOptions),
    Error: oneLine(row.error),
    DockerVersion: row.engine,
    ResponseTime: goDuration(row.responseMs),
    CertificateDays: row.certificateDays ?? '',
  }
  return new Struct(values)
}

function options(zero: JsonObject, given: JsonObject | undefined): Struct {
  const known = Object.entries(given ?? {}).map(([key, value]) => [key, value ?? zero[key] ?? []] as const)
  return new Struct({ ...zero, ...Object.fromEntries(known) })
}

/** Milliseconds as Go prints a duration: `0s`, `53ms`, `3.071s`, `1m0.5s`. */
export function goDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1000) return `${ms}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor(ms / 60_000) % 60
  const lead = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : ''
  return `${lead}${(ms % 60_000) / 1000}s`
}
