import type { JsonObject } from '../contracts/json.js'
import type { BrokenRecord, MachineRecord } from '../contracts/record.js'
import type { MachineState } from '../contracts/state.js'
import { maskChoices } from '../store/mask.js'
import { swarmRole } from './swarm.js'

/** One line of `ls`. */
export interface ListRow {
  readonly name: string
  /** DOCKER_HOST points to it. */
  readonly active: boolean
  /** DOCKER_HOST points to the swarm that it is the master of. */
  readonly activeSwarm: boolean
  readonly driver: string
  readonly state: MachineState
  readonly url: string
  /** Name of its swarm's master; ` (master)` follows on the master itself. */
  readonly swarm: string
  /** `v26.1.5`, `Unknown`, or empty when it was not asked. */
  readonly engine: string
  readonly error: string
  /** Days until the server certificate ends, when it is under 30. */
  readonly certificateDays?: number
  readonly labels: readonly string[]
  readonly responseMs: number
  /** docker-machine's objects, what may be a secret masked. */
  readonly engineOptions: JsonObject
  readonly swarmOptions: JsonObject
  /** Not answered yet. */
  readonly pending?: true
}

/** The machines that a listing knows of: what the rows of one machine say of others. */
export type Masters = ReadonlyMap<string, string>

/** What the record alone tells. */
export function recordRow(record: MachineRecord, masters: Masters): ListRow {
  const { EngineOptions, SwarmOptions } = record.config.HostOptions
  return {
    ...EMPTY,
    name: record.name,
    driver: record.config.DriverName,
    swarm: swarmCell(record, masters),
    labels: EngineOptions.Labels ?? [],
    engineOptions: maskChoices({ ...EngineOptions }),
    swarmOptions: maskChoices(SwarmOptions),
  }
}

/** A machine that cannot be loaded, in docker-machine's words. */
export function brokenRow(record: BrokenRecord): ListRow {
  return { ...EMPTY, name: record.name, driver: 'not found', state: 'Error', error: record.error }
}

const EMPTY: ListRow = {
  name: '',
  active: false,
  activeSwarm: false,
  driver: '',
  state: '',
  url: '',
  swarm: '',
  engine: '',
  error: '',
  labels: [],
  responseMs: 0,
  engineOptions: {},
  swarmOptions: {},
}

function swarmCell(record: MachineRecord, masters: Masters): string {
  const { discovery, isMaster } = swarmRole(record)
  const master = masters.get(discovery) ?? ''
  return isMaster && discovery !== '' ? `${master} (master)` : master
}
