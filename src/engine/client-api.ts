import { findProgram, run } from '../util/exec.js'
import type { EngineAnswer } from './probe.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Oldest API that today's Docker clients still speak. */
const CLIENT_MINIMUM = '1.24'
const DEADLINE_MS = 5_000

/** Highest API version of the local `docker` program; undefined when there is none or it does not say. */
export async function localClientApi(env: Environment, signal?: AbortSignal): Promise<string | undefined> {
  const program = findProgram('docker', env)
  if (!program) return undefined
  // The client prints its own half also when no engine answers; this address never does, at no cost.
  const args = ['--host', 'unix:///dev/null/none', 'version', '--format', '{{.Client.DefaultAPIVersion}}']
  const { DOCKER_API_VERSION: _pinned, ...clean } = env
  try {
    const result = await run(program, args, {
      env: clean,
      deadlineMs: DEADLINE_MS,
      ...(signal ? { signal } : {}),
    })
    return /^\d+\.\d+/.exec(result.stdout.trim())?.[0]
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

/** Why the local client cannot talk to an engine; undefined when their API ranges overlap. */
export function apiMismatch(
  engine: Pick<EngineAnswer, 'apiVersion' | 'minApiVersion' | 'version'>,
  clientApi: string,
): string | undefined {
  if (compareApi(clientApi, engine.minApiVersion) < 0)
    return `the local docker client speaks API ${clientApi}, engine ${engine.version} wants at least ${engine.minApiVersion}: update the client`
  if (compareApi(engine.apiVersion, CLIENT_MINIMUM) < 0)
    return `engine ${engine.version} speaks API ${engine.apiVersion}, docker clients want at least ${CLIENT_MINIMUM}: update the engine`
  return undefined
}

function compareApi(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number))
  return (a?.[0] ?? 0) - (b?.[0] ?? 0) || (a?.[1] ?? 0) - (b?.[1] ?? 0)
}
