import { MachineError, messageOf } from '../contracts/errors.js'
import { jsonObject } from '../util/json-object.js'
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

type Fields = Readonly<Record<string, unknown>>

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
  const present = await engine.jsonIfThere(`${path}/json`, limits)
  if (isAsWanted(present, wanted)) {
    if (objectOf(objectOf(present)['State'])['Running'] !== true)
      await engine.send('POST', `${path}/start`, undefined, limits)
    return
  }
  // Before the old one goes: without an image nothing would be left.
  await ensureImage(engine, wanted.image, signal)
  if (present !== undefined) await engine.send('DELETE', `${path}?force=true`, undefined, limits)
  await engine.send('POST', `/containers/create?name=${wanted.name}`, createBody(wanted), limits)
  await engine.send('POST', `${path}/start`, undefined, limits)
}

/** Whether what the engine says of a container is what is wanted; a host may say anything. */
export function isAsWanted(inspected: unknown, wanted: WantedContainer): boolean {
  const { Config, HostConfig } = objectOf(inspected)
  const { Image, Cmd, Env } = objectOf(Config)
  const { Binds } = objectOf(HostConfig)
  const same = (a: readonly unknown[], b: readonly unknown[]): boolean =>
    JSON.stringify(a) === JSON.stringify(b)
  return (
    Image === wanted.image &&
    same(listOf(Cmd), wanted.cmd) &&
    wanted.env.every((entry) => listOf(Env).includes(entry)) &&
    same(listOf(Binds), wanted.binds)
  )
}

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
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
  for (const line of progress.split('\n')) {
    const { error } = jsonObject(line) ?? {}
    if (error !== undefined) throw new Error(typeof error === 'string' ? error : JSON.stringify(error))
  }
}
