import type { JsonObject } from '../contracts/json.js'
import type { Profile } from '../contracts/profile.js'
import { renderTable } from './table.js'

/** What `ls` shows of a machine. */
export interface ShownMachine {
  readonly name: string
  readonly active: boolean
  /** DOCKER_HOST is the port of the swarm that it is the master of. */
  readonly activeSwarm: boolean
  readonly driver: string
  readonly state: string
  readonly url: string
  /** Name of its swarm's master; ` (master)` follows on the master itself. */
  readonly swarm: string
  readonly engine: string
  readonly error: string
  readonly certificateDays?: number
  readonly responseMs: number
  readonly engineOptions?: JsonObject
  readonly swarmOptions?: JsonObject
  /** Not answered yet. */
  readonly pending?: boolean
}

interface Column {
  readonly header: string
  readonly cell: (row: ShownMachine) => string
  /** As tsmachine only where some machine has something to show in it. */
  readonly optional?: boolean
  /** docker-machine has no such column. */
  readonly ours?: boolean
}

const COLUMNS: readonly Column[] = [
  { header: 'NAME', cell: (row) => row.name },
  { header: 'ACTIVE', cell: activeCell },
  { header: 'DRIVER', cell: driverCell },
  { header: 'STATE', cell: (row) => (row.pending ? '...' : row.state) },
  { header: 'URL', cell: (row) => row.url },
  { header: 'SWARM', cell: (row) => (row.state === 'Timeout' ? '' : row.swarm), optional: true },
  { header: 'DOCKER', cell: (row) => row.engine },
  { header: 'CERT', cell: certificateCell, optional: true, ours: true },
  { header: 'ERRORS', cell: (row) => row.error },
]

/** Empty for machines that did not answer (yet) or cannot be loaded, as docker-machine has it. */
export function activeCell(row: ShownMachine): string {
  if (row.pending || row.state === 'Timeout' || row.driver === 'not found') return ''
  return row.activeSwarm ? '* (swarm)' : row.active ? '*' : '-'
}

export function driverCell(row: ShownMachine): string {
  return row.state === 'Timeout' ? '' : row.driver
}

/** Days until the server certificate ends, which is known to us only where they are few. */
function certificateCell(row: ShownMachine): string {
  const days = row.certificateDays
  return days === undefined ? '' : days < 0 ? 'expired' : days === 1 ? '1 day' : `${days} days`
}

/** The default table: docker-machine's columns only under its name; ours leaves out what would be empty. */
export function renderList(rows: readonly ShownMachine[], profile: Profile): string {
  const ours = profile.program === 'tsmachine'
  const columns = COLUMNS.filter((column) =>
    ours ? !column.optional || rows.some((row) => column.cell(row) !== '') : !column.ours,
  )
  return renderTable([
    columns.map((column) => column.header),
    ...rows.map((row) => columns.map((column) => column.cell(row))),
  ])
}
