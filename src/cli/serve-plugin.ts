/** A driver of ours as a plugin process of docker-machine's, from its address line to its end. */
import type { Report } from '../contracts/events.js'
import { DOCKER_MACHINE_PROFILE } from '../contracts/profile.js'
import { isMachineError, MachineError } from '../contracts/errors.js'
import type { DriverFactory } from '../contracts/driver.js'
import { API_VERSION } from '../drivers/plugin/wire/plugin-api.js'
import { PluginServer } from '../drivers/plugin/wire/rpc-server.js'
import { servableFactory } from '../drivers/registry.js'
import type { MachineContext } from '../machine/context.js'
import { serveDriver } from '../machine/serve-driver.js'
import { onAbort } from '../util/abort.js'
import { after } from '../util/wait.js'
import { machineContext } from './context.js'
import { isPlugin, OWN_PREFIX } from './plugin-role.js'
import { pluginReport } from './serve-log.js'
import type { GlobalOptions, Session } from './session.js'

/** A host that is not heard of for so long is gone. */
export const SILENCE_MS = 10_000

/** What the process ends with when its host is gone without a word. */
const ABANDONED = 1

export interface ServeRequest {
  readonly driver: string
  /** Name by which the host found us; absent: our own for it. */
  readonly as?: string
}

/** Serves until the host says that it is done, or is gone. @returns the exit status */
export async function servePlugin(
  session: Session,
  globals: GlobalOptions,
  { driver, as }: ServeRequest,
): Promise<number> {
  const factory = await servableFactory(driver)
  if (!isPlugin(session.env)) {
    process.stderr.write(refusal(driver))
    return 1
  }
  // A host that dies takes our output with it; what is under way is still written down.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const report = pluginReport(process)
  const life = new PluginLife(SILENCE_MS, session.signal)
  const contextAt = (storagePath: string): MachineContext =>
    servedContext(session, { ...globals, storagePath }, report, factory)
  const driverName = as ?? OWN_PREFIX + factory.name
  const handlers = serveDriver(
    { factory, driverName, contextAt },
    { heartbeat: () => life.heard(), close: () => life.end(0), report },
  )
  const server = new PluginServer(handlers)
  const { host, port } = await server.listen()
  process.stdout.write(`${host}:${port}\n`)
  const status = await life.ended
  // A host that is gone waits for no answer, and its time is over.
  if (status !== ABANDONED) await server.close()
  return status
}

/** Its store, and no driver but ours: a plugin of the same name would be ourselves. */
function servedContext(
  session: Session,
  globals: GlobalOptions,
  report: Report,
  factory: DriverFactory,
): MachineContext {
  const ours = { ...session, profile: DOCKER_MACHINE_PROFILE }
  return {
    ...machineContext(ours, globals, report),
    askSecret: () => Promise.resolve(undefined),
    drivers: {
      load: async (name) => {
        if (name === factory.name || name === OWN_PREFIX + factory.name) return await Promise.resolve(factory)
        throw new MachineError('usage', `This plugin serves the driver ${factory.name} alone, not ${name}`)
      },
    },
  }
}

/** A process that its host keeps alive by heartbeats. */
export class PluginLife {
  readonly ended: Promise<number>
  #end: (status: number) => void = () => undefined
  #forget: () => void

  constructor(
    private readonly silenceMs: number,
    signal: AbortSignal,
  ) {
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.#forget = after(silenceMs, () => this.end(ABANDONED))
    onAbort(signal, () => this.end(exitCodeOf(signal)))
  }

  heard(): void {
    this.#forget()
    this.#forget = after(this.silenceMs, () => this.end(ABANDONED))
  }

  end(status: number): void {
    this.#forget()
    this.#end(status)
  }
}

function exitCodeOf({ reason }: AbortSignal): number {
  return isMachineError(reason) ? reason.exitCode : ABANDONED
}

function refusal(driver: string): string {
  return [
    `This program is the ${driver} driver as a plugin of docker-machine's.`,
    'docker-machine, or a tool that uses its plugins, starts it by itself:',
    `docker-machine create --driver ${OWN_PREFIX}${driver} NAME`,
    `(API version: ${API_VERSION})`,
    '',
  ].join('\n')
}
