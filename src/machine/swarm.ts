import { MachineError } from '../contracts/errors.js'
import type { MachineRecord } from '../contracts/record.js'

/** A machine's part in a classic swarm, as `create --swarm...` recorded it. */
export interface SwarmRole {
  readonly isMaster: boolean
  /** What the members of one swarm have in common; empty outside one. */
  readonly discovery: string
  /** Where a master listens: `tcp://0.0.0.0:3376`. */
  readonly host: string
}

export function swarmRole({ config }: MachineRecord): SwarmRole {
  const { Master, Discovery, Host } = config.HostOptions.SwarmOptions
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  return { isMaster: Master === true, discovery: text(Discovery), host: text(Host) }
}

/** Name of the master of each swarm, by what its members share. */
export function swarmMasters(records: readonly MachineRecord[]): ReadonlyMap<string, string> {
  const roles = records.map((record) => [record.name, swarmRole(record)] as const)
  const masters = roles.filter(([, role]) => role.isMaster && role.discovery !== '')
  return new Map(masters.map(([name, role]) => [role.discovery, name]))
}

/** The URL of the swarm that a machine is the master of: its own address with the swarm's port. */
export function swarmUrl(url: string, { isMaster, host }: SwarmRole): string | undefined {
  const port = /:(\d+)\/?$/.exec(host)?.[1]
  const address = /^(\w+:\/\/.+):\d+$/.exec(url)?.[1]
  return isMaster && port !== undefined && address !== undefined ? `${address}:${port}` : undefined
}

/** The same for who needs one. @throws MachineError `engine` in docker-machine's words */
export function managerUrl(record: MachineRecord, url: string): string {
  const found = swarmUrl(url, swarmRole(record))
  if (found !== undefined) return found
  throw new MachineError(
    'engine',
    `"${record.name}" is not a swarm master. The --swarm flag is intended for use with swarm masters`,
    { machine: record.name },
  )
}
