import type { Profile } from '../contracts/profile.js'
import { renderTable } from './table.js'
import { compileTemplate } from './template/index.js'

/** What `ls` shows of a machine. */
export interface ShownMachine {
  readonly name: string
  readonly active: boolean
  readonly driver: string
  readonly state: string
  readonly url: string
  readonly engine: string
  readonly error: string
  readonly certificateDays?: number
  readonly responseMs: number
}

interface Column {
  readonly header: string
  /** Template field; a field of docker-machine's. */
  readonly field: string
  readonly cell: (row: ShownMachine) => string
}

const COLUMNS: readonly Column[] = [
  { header: 'NAME', field: 'Name', cell: (row) => row.name },
  { header: 'ACTIVE', field: 'Active', cell: (row) => activeCell(row) },
  { header: 'DRIVER', field: 'DriverName', cell: (row) => (row.state === 'Timeout' ? '' : row.driver) },
  { header: 'STATE', field: 'State', cell: (row) => row.state },
  { header: 'URL', field: 'URL', cell: (row) => row.url },
  { header: 'SWARM', field: 'Swarm', cell: () => '' },
  { header: 'DOCKER', field: 'DockerVersion', cell: (row) => row.engine },
  { header: 'ERRORS', field: 'Error', cell: (row) => row.error },
]

/** Empty for machines that did not answer or cannot be loaded, as docker-machine has it. */
function activeCell(row: ShownMachine): string {
  if (row.state === 'Timeout' || row.driver === 'not found') return ''
  return row.active ? '*' : '-'
}

/** The default table. docker-machine's columns only under its name; ours adds certificates that end soon. */
export function renderList(rows: readonly ShownMachine[], profile: Profile): string {
  const ours = profile.program === 'tsmachine'
  const columns = ours ? COLUMNS.filter((column) => column.header !== 'SWARM') : COLUMNS
  return renderTable([
    columns.map((column) => column.header),
    ...rows.map((row) =>
      columns.map((column) => (ours && column.field === 'Error' ? notes(row) : column.cell(row))),
    ),
  ])
}

function notes(row: ShownMachine): string {
  const days = row.certificateDays
  const age =
    days === undefined ? '' : days < 0 ? 'certificate has expired' : `certificate: ${days} days left`
  return [row.error, age].filter((text) => text !== '').join('; ')
}

const TABLE = /^table(\s+|$)/
const HEADERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(COLUMNS.map((column) => [column.field, column.header])),
  ActiveHost: 'ACTIVE_HOST',
  ActiveSwarm: 'ACTIVE_SWARM',
  ResponseTime: 'RESPONSE',
  SwarmOptions: 'SWARM_OPTIONS',
  EngineOptions: 'ENGINE_OPTIONS',
  CertificateDays: 'CERTIFICATE',
}

/** `--format`: one line per machine; `table ...` adds a header and aligns. Field names in any case. */
export function renderFormat(format: string, rows: readonly ShownMachine[]): string {
  const isTable = TABLE.test(format)
  const source = format.replace(TABLE, '').replaceAll('\\t', '\t').replaceAll('\\n', '\n')
  const template = compileTemplate(source, { strict: true })
  const lines = rows.map((row) => template(fields(row)))
  if (!isTable) return lines.map((line) => `${line}\n`).join('')
  return renderTable([template(HEADERS), ...lines].map((line) => line.split('\t')))
}

function fields(row: ShownMachine): Record<string, string | number | boolean | null> {
  const cells = COLUMNS.map((column) => [column.field, column.cell(row)] as const)
  return {
    ...Object.fromEntries(cells),
    ActiveHost: row.active,
    ActiveSwarm: false,
    SwarmOptions: null,
    EngineOptions: null,
    ResponseTime: `${row.responseMs}ms`,
    CertificateDays: row.certificateDays ?? '',
  }
}
