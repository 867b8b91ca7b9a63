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
  return readContainers(answer)
}

/** The containers that an engine's answer lists. A host may answer anything: what has another type is left out. */
export function readContainers(answer: unknown): readonly Container[] {
  return list(answer).flatMap((entry) => (isObject(entry) ? [readContainer(entry)] : []))
}

type Fields = Readonly<Record<string, unknown>>

function readContainer(entry: Fields): Container {
  return {
    id: text(entry['Id']),
    name: text(list(entry['Names'])[0]).replace(/^\//, ''),
    image: text(entry['Image']),
    state: text(entry['State']),
    ports: list(entry['Ports']).flatMap((port) => (isObject(port) ? readPort(port) : [])),
  }
}

/** Exposed but unpublished ports have no host port. Ports become words of a command for QEMU: they are numbers. */
function readPort(port: Fields): PublishedPort[] {
  const { Type: protocol, PublicPort: publicPort, PrivatePort: privatePort, IP: ip } = port
  if (!isPort(publicPort) || !isPort(privatePort)) return []
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return []
  return [{ ip: typeof ip === 'string' ? ip : '0.0.0.0', publicPort, privatePort, protocol }]
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
