import { readFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { isMachineError } from '../contracts/errors.js'
import type { SshEndpoint } from '../contracts/ssh.js'
import { isOwnPeer } from '../util/peer.js'
import { withDeadline } from '../util/wait.js'
import { openClient } from './connect.js'
import type { LoginOptions } from './login.js'

/** What a tunnel's file says, read anew for each connection to the host: addresses and host keys change. */
export interface TunnelPlan {
  /** Of 127.0.0.1 on this computer. */
  readonly port: number
  /** Of 127.0.0.1 on the host. */
  readonly remotePort: number
  readonly endpoint: SshEndpoint
  readonly hostKeys: readonly string[]
  readonly login: LoginOptions
}

/** @throws when there is no such file any more */
export async function readTunnelPlan(path: string): Promise<TunnelPlan> {
  return JSON.parse(await readFile(path, 'utf8')) as TunnelPlan
}

/** How long a host may take to open a channel before another connection is tried: lines die without an end. */
const ANSWER_MS = 10_000

/** A port of this computer that leads to one of a host, over one SSH connection that is made when it is needed. */
export class Tunnel {
  readonly #server: Server
  #current: Promise<SharedClient> | undefined

  constructor(
    private readonly planPath: string,
    private readonly answerMs = ANSWER_MS,
  ) {
    this.#server = createServer((socket) => void this.#serve(socket))
  }

  /** @throws when the port is taken */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', resolve)
    })
  }

  /** Takes nobody any more. */
  async close(): Promise<void> {
    this.#server.close()
    const client = await this.#current?.catch(() => undefined)
    client?.end()
  }

  async #serve(socket: Socket): Promise<void> {
    socket.on('error', () => undefined)
    if (!isOwnPeer(socket)) return void socket.destroy()
    socket.setNoDelay(true)
    try {
      const { remotePort } = await readTunnelPlan(this.planPath)
      const channel = await this.#channel(remotePort)
      joinStreams(socket, channel)
    } catch {
      // The caller sees that nobody answers, and asks again.
      socket.destroy()
    }
  }

  async #channel(port: number): Promise<ClientChannel> {
    const first = await this.#connected()
    try {
      return await first.channel(port, this.answerMs)
    } catch (error) {
      if (!isMachineError(error) || error.code !== 'timeout') throw error
    }
    await this.#retire(first)
    return await (await this.#connected()).channel(port, this.answerMs)
  }

  /** One connection for all; the next caller after its end makes another. */
  async #connected(): Promise<SharedClient> {
    const mine = (this.#current ??= this.#open())
    try {
      return await mine
    } catch (error) {
      this.#forget(mine)
      throw error
    }
  }

  async #open(): Promise<SharedClient> {
    const { endpoint, hostKeys, login } = await readTunnelPlan(this.planPath)
    const { client } = await openClient(endpoint, { ...login, pins: { keys: hostKeys } })
    const mine = this.#current
    client.on('error', () => undefined)
    client.on('close', () => this.#forget(mine))
    return new SharedClient(client)
  }

  /** Nobody new uses it. What goes over it goes on: the line may be slow, not dead. */
  async #retire(client: SharedClient): Promise<void> {
    if ((await this.#current) === client) this.#current = undefined
    client.retire()
  }

  #forget(client: Promise<SharedClient> | undefined): void {
    if (this.#current === client) this.#current = undefined
  }
}

/** A connection with the channels that are open in it. */
class SharedClient {
  #open = 0
  #isRetired = false

  constructor(private readonly client: Client) {}

  /** @throws MachineError `timeout`; ssh2's own error where the host refuses it */
  async channel(port: number, deadlineMs: number): Promise<ClientChannel> {
    this.#open++
    const opened = this.#forward(port)
    // One that comes too late is nobody's.
    return await withDeadline('the host to open a channel', deadlineMs, () => opened).catch(
      (error: unknown) => {
        void opened.then(drop, () => undefined)
        throw error
      },
    )
  }

  end(): void {
    this.client.end()
  }

  /** It ends with the last of its channels. */
  retire(): void {
    this.#isRetired = true
    this.#endIfIdle()
  }

  #forward(port: number): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      this.client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, (error, channel) => {
        if (!error) channel.once('close', () => this.#closed())
        else this.#closed()
        if (error) reject(error)
        else resolve(channel)
      })
    })
  }

  #closed(): void {
    this.#open--
    this.#endIfIdle()
  }

  #endIfIdle(): void {
    if (this.#isRetired && this.#open === 0) this.client.end()
  }
}

/** Hands over what comes from either side, until one of them has gone. */
export function joinStreams(socket: Socket, channel: Duplex): void {
  channel.on('error', () => undefined)
  // Not at once: who reads slowly has not had all yet.
  channel.on('close', () => socket.destroySoon())
  socket.on('close', () => drop(channel))
  // It may have gone while we asked.
  if (socket.destroyed) drop(channel)
  socket.pipe(channel).pipe(socket)
}

/** What nobody reads never comes to its end. */
function drop(channel: Duplex): void {
  channel.resume()
  channel.destroy()
}
