import type { DriverDeps, MachineIdentity } from '../../contracts/driver.js'
import type { PluginIdentity } from './identity.js'
import type { ConnectPlugin } from './session/connection.js'
import { PluginPool } from './session/plugin-pool.js'
import type { PluginLog } from './session/plugin-process.js'
import { PluginSession } from './session/plugin-session.js'
import { pluginFailure } from './plugin-failure.js'
import { type PluginFlag, type PluginMethod, type PluginMethods, PluginError } from './wire/plugin-api.js'
import { RpcPluginClient } from './wire/rpc-client.js'

type Environment = Readonly<Record<string, string | undefined>>

const connect: ConnectPlugin = (address, options) => RpcPluginClient.connect(address, options)

/** A machine's process for as long as somebody needs it. */
export interface Lease {
  /** As `PluginSession.call`. */
  call<M extends PluginMethod>(
    method: M,
    argument: PluginMethods[M]['argument'],
    signal?: AbortSignal,
  ): Promise<PluginMethods[M]['reply']>
  /** As `PluginSession.lastState`. */
  lastState(): string | undefined
  /** It may be used for the machine's next call, or end. */
  release(): void
  /** Nobody may use it any more: ends it. */
  discard(): Promise<void>
}

export interface LeaseRequest {
  readonly machine: MachineIdentity & { readonly state?: string | undefined }
  readonly onLog: PluginLog
  readonly signal: AbortSignal
  /** `read`: it only looks, as one of many. */
  readonly purpose?: 'read' | undefined
}

/** The processes of one plugin in one run of the program. */
export class PluginSessions {
  readonly #pool: PluginPool

  constructor(
    private readonly plugin: PluginIdentity,
    deps: DriverDeps,
    env: Environment,
  ) {
    this.#pool = new PluginPool({ env, connect, clock: deps.clock })
    deps.atEnd?.(() => this.#pool.closeAll())
  }

  /** @throws MachineError `driver` or `timeout` when the plugin cannot be started or refuses the state */
  async acquire({ machine, onLog, signal, purpose }: LeaseRequest): Promise<Lease> {
    const { plugin: driver, program } = this.plugin
    const { name, state = '{}' } = machine
    const size = purpose === 'read' ? 'short' : 'long'
    return await new Promise((resolve, reject) => {
      const use = (session: PluginSession): Promise<void> =>
        new Promise((release) =>
          resolve({
            call: (method, argument, stop) => session.call(method, argument, stop),
            lastState: () => session.lastState,
            release,
            discard: () => session.end(),
          }),
        )
      this.#pool
        .withSession({ driver, program, onLog, machine: { name, state } }, use, { size, signal })
        .catch((error: unknown) =>
          reject(error instanceof PluginError ? pluginFailure(error, { machine: name }) : error),
        )
    })
  }
}

/** Asks a plugin for its create flags, in a process that ends at once. */
export async function askFlags(
  plugin: PluginIdentity,
  env: Environment,
  onLog: PluginLog,
  signal: AbortSignal,
): Promise<readonly PluginFlag[]> {
  const { plugin: driver, program } = plugin
  const session = await PluginSession.open({ driver, program, env, onLog, connect, signal })
  try {
    return await session.call('GetCreateFlags', undefined, signal)
  } finally {
    await session.end()
  }
}
