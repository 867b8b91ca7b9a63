import { EngineConnection, type RequestLimits } from './request.js'
import type { EngineTarget } from './target.js'

/** A port that a container publishes. */
export interface PublishedPort {
  /** Address inside the host that it is bound to: `0.0.0.0`, `::`, `127.0.0.1` ... */
  readonly ip: string
  /** Port on the host. */
  readonly publicPort: number
  readonly privatePort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
}

export interface Container {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly state: string
  readonly ports: readonly PublishedPort[]
}

/** Running containers with the ports that they publish. @throws EngineProbeError */
export async function listContainers(target: EngineTarget & RequestLimits): Promise<readonly Container[]> {
  const connection = new EngineConnection(target)
  try {
    return await containersOn(connection, target)
  } finally {
    connection.close()
  }
}

/** The same over a connection that is already there. */
export async function containersOn(
  connection: EngineConnection,
  limits: RequestLimits = {},
): Promise<readonly Container[]> {
  const answer = await connection.json('/containers/json', {
    ...(limits.signal ? { signal: limits.signal } : {}),
    ...(limits.deadlineMs === undefined ? {} : { deadlineMs: limits.deadlineMs }),
  })
  return Array.isArray(answer) ? answer.map((entry) => readContainer(entry as ContainerJson)) : []
}

interface ContainerJson {
  readonly Id?: string
  readonly Names?: readonly string[]
  readonly Image?: string
  readonly State?: string
  readonly Ports?: readonly PortJson[] | null
}

interface PortJson {
  readonly IP?: string
  readonly PrivatePort?: number
  readonly PublicPort?: number
  readonly Type?: string
}

function readContainer(entry: ContainerJson): Container {
  return {
    id: entry.Id ?? '',
    name: (entry.Names?.[0] ?? '').replace(/^\//, ''),
    image: entry.Image ?? '',
    state: entry.State ?? '',
    ports: (entry.Ports ?? []).flatMap(readPort),
  }
}

/** Exposed but unpublished ports have no host port. */
function readPort(port: PortJson): PublishedPort[] {
  const protocol = port.Type
  if (!port.PublicPort || !port.PrivatePort) return []
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return []
  return [{ ip: port.IP ?? '0.0.0.0', publicPort: port.PublicPort, privatePort: port.PrivatePort, protocol }]
}
