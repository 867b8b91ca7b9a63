/** A plugin of ours in a process of its own, as a host of docker-machine's plugins has it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { PluginMethod, PluginMethods } from '../../src/drivers/plugin/wire/plugin-api.js'
import { RpcPluginClient } from '../../src/drivers/plugin/wire/rpc-client.js'
import { PROGRAM } from './cli.js'

const BEAT_MS = 2_000
const CALL_MS = 120_000

export class PluginProcess {
  #client: RpcPluginClient | undefined
  #beat: NodeJS.Timeout | undefined
  readonly ended: Promise<number | null>
  #stdout = ''
  #stderr = ''

  private constructor(readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()))
    this.ended = once(child, 'close').then(([code, signal]) => (signal === null ? (code as number) : null))
  }

  /** Starts it by a link in `dir`. Ready to be called, and kept alive until `fallSilent`. */
  static async start(
    dir: string,
    driver: string,
    env: Readonly<Record<string, string>>,
    options: { silent?: boolean } = {},
  ): Promise<PluginProcess> {
    const link = join(dir, `docker-machine-driver-${driver}`)
    try {
      symlinkSync(PROGRAM, link)
    } catch {
      // An earlier one made it.
    }
    const token = { MACHINE_PLUGIN_TOKEN: '42', MACHINE_PLUGIN_DRIVER_NAME: driver }
    const child = spawn(link, [], { env: { ...env, ...token }, stdio: ['ignore', 'pipe', 'pipe'] })
    const plugin = new PluginProcess(child)
    if (!options.silent) await plugin.#connect()
    return plugin
  }

  get output(): { readonly stdout: string; readonly stderr: string } {
    return { stdout: this.#stdout, stderr: this.#stderr }
  }

  async #connect(): Promise<void> {
    while (!this.#stdout.includes('\n')) await once(this.child.stdout ?? this.child, 'data')
    const [host = '', port] = this.#stdout.slice(0, this.#stdout.indexOf('\n')).split(':')
    this.#client = await RpcPluginClient.connect({ host, port: Number(port) }, { deadlineMs: 5_000 })
    this.#beat = setInterval(() => void this.call('Heartbeat', undefined).catch(() => undefined), BEAT_MS)
    this.#beat.unref()
    await this.call('Heartbeat', undefined)
  }

  async call<M extends PluginMethod>(
    method: M,
    argument: PluginMethods[M]['argument'],
  ): Promise<PluginMethods[M]['reply']> {
    if (!this.#client) throw new Error('it is not connected')
    return await this.#client.call(method, argument, { deadlineMs: CALL_MS })
  }

  /** What a plugin sees of a host that was killed: its pipes and its connection are gone, and nobody calls. */
  die(): void {
    clearInterval(this.#beat)
    this.child.stdout?.destroy()
    this.child.stderr?.destroy()
    this.#client?.close()
  }

  /** Ends it well. @returns its exit status */
  async close(): Promise<number | null> {
    clearInterval(this.#beat)
    await this.call('Close', undefined).catch(() => undefined)
    return await this.ended
  }
}
