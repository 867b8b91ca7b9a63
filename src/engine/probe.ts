import { askOnce } from './ask-once.js'
import { EngineProbeError } from './errors.js'
import { placeOf, type EngineTarget } from './target.js'
import type { RequestLimits } from './watch.js'

export { EngineProbeError } from './errors.js'

/** What an engine says of itself. */
export interface EngineAnswer {
  readonly reachable: true
  /** Engine version, bare: `26.1.5`. */
  readonly version: string
  readonly apiVersion: string
  readonly minApiVersion: string
  readonly arch: string
  readonly kernel: string
}

/**
 * Asks an engine from this computer over mutual TLS: TCP, both certificates, and `/version`.
 * @throws EngineProbeError whose `layer` and `reason` say which of these failed
 */
export async function probeEngine(target: EngineTarget & RequestLimits): Promise<EngineAnswer> {
  const text = await askOnce(target, '/version', target)
  return readVersion(placeOf(target), readJson(text) ?? text)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readVersion(where: string, answer: unknown): EngineAnswer {
  const fields = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
  const text = (key: string): string => (typeof fields[key] === 'string' ? fields[key] : '')
  if (!text('Version') || !text('ApiVersion')) throw notAnEngine(where, JSON.stringify(answer))
  return {
    reachable: true,
    version: text('Version'),
    apiVersion: text('ApiVersion'),
    minApiVersion: text('MinAPIVersion') || text('ApiVersion'),
    arch: text('Arch'),
    kernel: text('KernelVersion'),
  }
}

function notAnEngine(where: string, body: string): EngineProbeError {
  return new EngineProbeError('http', 'protocol', `What answers at ${where} is not a Docker engine`, {
    evidence: body.slice(0, 200),
  })
}
