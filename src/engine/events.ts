import { EngineConnection, type RequestLimits } from './request.js'
import type { EngineTarget } from './target.js'

/** Something that happened to a container. */
export interface ContainerEvent {
  /** `start`, `die`, or another of the wanted actions. */
  readonly action: string
  readonly id: string
  readonly name: string
  /** Seconds since 1970 on the engine's clock. */
  readonly time: number
}

export interface EventOptions extends RequestLimits {
  readonly actions?: readonly string[]
  /** Called once the engine listens for us: what is listed after it misses nothing. */
  readonly onOpen?: () => void
}

const ACTIONS = ['start', 'die'] as const

/**
 * Container events as they happen. Ends when the engine ends the stream (it stopped); connecting again is the caller's job.
 * @throws EngineProbeError when it cannot be opened or breaks; the signal's reason on abort
 */
export async function* engineEvents(target: EngineTarget & EventOptions): AsyncGenerator<ContainerEvent> {
  const connection = new EngineConnection(target)
  const filters = JSON.stringify({ type: ['container'], event: target.actions ?? ACTIONS })
  try {
    yield* parseEvents(connection.stream(`/events?filters=${encodeURIComponent(filters)}`, target))
  } finally {
    connection.close()
  }
}

/** One JSON document per line, cut anywhere by the network. */
async function* parseEvents(chunks: AsyncIterable<string>): AsyncGenerator<ContainerEvent> {
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = line.trim() ? readEvent(line) : undefined
      if (event) yield event
    }
  }
}

interface EventJson {
  readonly Action?: string
  readonly time?: number
  readonly Actor?: { readonly ID?: string; readonly Attributes?: { readonly name?: string } }
}

function readEvent(line: string): ContainerEvent | undefined {
  const event = JSON.parse(line) as EventJson
  if (!event.Action || !event.Actor?.ID) return undefined
  return {
    action: event.Action,
    id: event.Actor.ID,
    name: event.Actor.Attributes?.name ?? '',
    time: event.time ?? 0,
  }
}
