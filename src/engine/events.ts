import { BoundedLines } from '../util/bounded-lines.js'
import { jsonObject } from '../util/json-object.js'
import { EngineProbeError } from './errors.js'
import { EngineConnection, type RequestLimits } from './request.js'
import { placeOf, type EngineTarget } from './target.js'

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
/** A container's labels are in it, and they may be long. */
const LONGEST_EVENT = 4 * 1024 * 1024

/**
 * Container events as they happen. Ends when the engine ends the stream (it stopped); connecting again is the caller's job.
 * @throws EngineProbeError when it cannot be opened or breaks; the signal's reason on abort
 */
export async function* engineEvents(target: EngineTarget & EventOptions): AsyncGenerator<ContainerEvent> {
  const connection = new EngineConnection(target)
  const filters = JSON.stringify({ type: ['container'], event: target.actions ?? ACTIONS })
  try {
    const chunks = connection.stream(`/events?filters=${encodeURIComponent(filters)}`, target)
    yield* parseEvents(chunks, placeOf(target))
  } finally {
    connection.close()
  }
}

/**
 * One JSON document per line, cut anywhere by the network; what is none of ours is passed over.
 * @throws EngineProbeError where a line has no end
 */
export async function* parseEvents(
  chunks: AsyncIterable<string>,
  where: string,
): AsyncGenerator<ContainerEvent> {
  let events: ContainerEvent[] = []
  let isTooLong = false
  const take = (line: string): void => void events.push(...readEvent(line))
  const onTooLong = (): void => void (isTooLong = true)
  const lines = new BoundedLines(take, { longest: LONGEST_EVENT, onTooLong })
  for await (const chunk of chunks) {
    lines.add(chunk)
    yield* events
    events = []
    if (isTooLong)
      throw new EngineProbeError('http', 'protocol', `The engine at ${where} tells an event without end`)
  }
}

function readEvent(line: string): readonly ContainerEvent[] {
  const { Action: action, Actor: actor, time } = jsonObject(line) ?? {}
  const { ID: id, Attributes: attributes } = objectOf(actor)
  if (!isText(action) || !isText(id)) return []
  const { name } = objectOf(attributes)
  return [{ action, id, name: isText(name) ? name : '', time: typeof time === 'number' ? time : 0 }]
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
