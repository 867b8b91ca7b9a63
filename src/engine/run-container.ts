import { MachineError, messageOf } from '../contracts/errors.js'
import type { EngineConnection, RequestLimits } from './request.js'

/** A container that shall always run. */
export interface WantedContainer {
  readonly name: string
  readonly image: string
  readonly cmd: readonly string[]
  /** NAME=VALUE */
  readonly env: readonly string[]
  /** HOST:CONTAINER */
  readonly binds: readonly string[]
  /** Published at the same number on the host. */
  readonly ports: readonly number[]
}

interface Inspected {
  readonly Config?: {
    readonly Image?: string
    readonly Cmd?: readonly string[] | null
    readonly Env?: readonly string[] | null
  }
  readonly HostConfig?: { readonly Binds?: readonly string[] | null }
  readonly State?: { readonly Running?: boolean }
}

const SHORT_MS = 60_000
const PULL_MS = 9 * 60_000

/**
 * Has a container run: one that is as it should be is left alone or started, another one of that name is replaced. The
 * image is pulled only where the engine does not have it.
 * @throws EngineProbeError; MachineError `engine` when the image is nowhere
 */
export async function runContainer(
  engine: EngineConnection,
  wanted: WantedContainer,
  signal: AbortSignal,
): Promise<void> {
  const limits = { signal, deadlineMs: SHORT_MS }
  const path = `/containers/${wanted.name}`
  const present = (await engine.jsonIfThere(`${path}/json`, limits)) as Inspected | undefined
  if (present && isAsWanted(present, wanted)) {
    if (present.State?.Running !== true) await engine.send('POST', `${path}/start`, undefined, limits)
    return
  }
  // Before the old one goes: without an image nothing would be left.
  await ensureImage(engine, wanted.image, signal)
  if (present) await engine.send('DELETE', `${path}?force=true`, undefined, limits)
  await engine.send('POST', `/containers/create?name=${wanted.name}`, createBody(wanted), limits)
  await engine.send('POST', `${path}/start`, undefined, limits)
}

function isAsWanted({ Config, HostConfig }: Inspected, wanted: WantedContainer): boolean {
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    JSON.stringify(a) === JSON.stringify(b)
  return (
    Config?.Image === wanted.image &&
    same(Config.Cmd ?? [], wanted.cmd) &&
    wanted.env.every((entry) => Config.Env?.includes(entry)) &&
    same(HostConfig?.Binds ?? [], wanted.binds)
  )
}

function createBody({ image, cmd, env, binds, ports }: WantedContainer): unknown {
  const published = ports.map((port) => `${port}/tcp`)
  return {
    Image: image,
    Cmd: cmd,
    Env: env,
    ExposedPorts: Object.fromEntries(published.map((port) => [port, {}])),
    HostConfig: {
      Binds: binds,
      RestartPolicy: { Name: 'always' },
      PortBindings: Object.fromEntries(
        ports.map((port) => [`${port}/tcp`, [{ HostIp: '0.0.0.0', HostPort: String(port) }]]),
      ),
    },
  }
}

async function ensureImage(engine: EngineConnection, image: string, signal: AbortSignal): Promise<void> {
  const limits: RequestLimits = { signal, deadlineMs: SHORT_MS }
  const path = image.split('/').map(encodeURIComponent).join('/')
  if ((await engine.jsonIfThere(`/images/${path}/json`, limits)) !== undefined) return
  try {
    const pull = `/images/create?fromImage=${encodeURIComponent(withTag(image))}`
    refuseError(await engine.send('POST', pull, undefined, { signal, deadlineMs: PULL_MS }))
  } catch (cause) {
    signal.throwIfAborted()
    throw new MachineError(
      'engine',
      `The image ${image} is not on the host and cannot be pulled: ${messageOf(cause)}`,
      { cause, hints: [`Load one into the engine: docker load, or docker tag IMAGE ${image}`] },
    )
  }
}

/** Without a tag all tags would come. */
function withTag(image: string): string {
  return /[:@][^/]*$/.test(image) ? image : `${image}:latest`
}

/** A pull that fails after it began says so in a line of its answer. */
function refuseError(progress: string): void {
  for (const line of progress.split('\n').filter((text) => text.trim() !== '')) {
    const { error } = JSON.parse(line) as { error?: string }
    if (error !== undefined) throw new Error(error)
  }
}
