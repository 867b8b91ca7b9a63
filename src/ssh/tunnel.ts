import { readFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Client, ClientChannel } from 'ssh2'
import type { SshEndpoint } from '../contracts/ssh.js'
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

/** A port of this computer that leads to one of a host, over one SSH connection that is made when it is needed. */
export class Tunnel {
  readonly #server: Server
  #client: Promise<Client> | undefined

  constructor(private readonly planPath: string) {
    this.#server = createServer((socket) => void this.#serve(socket))
  }

  /** @throws when the port is taken */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', resolve)
    })
  }

  async #serve(socket: Socket): Promise<void> {
    socket.on('error', () => undefined)
    socket.setNoDelay(true)
    try {
      const { remotePort } = await readTunnelPlan(this.planPath)
      const channel = await this.#channel(remotePort)
      channel.on('error', () => undefined)
      channel.on('close', () => socket.destroy())
      socket.on('close', () => channel.destroy())
      socket.pipe(channel).pipe(socket)
    } catch {
      // The caller sees that nobody answers, and asks again.
      socket.destroy()
    }
  }

  async #channel(port: number): Promise<ClientChannel> {
    const client = await this.#connected()
    return await new Promise((resolve, reject) => {
      client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, (error, channel) => {
        if (error) reject(error)
        else resolve(channel)
      })
    })
  }

  /** One connection for all; the next caller after its end makes another. */
  async #connected(): Promise<Client> {
    this.#client ??= this.#open()
    try {
      return await this.#client
    } catch (error) {
      this.#client = undefined
      throw error
    }
  }

  async #open(): Promise<Client> {
    const { endpoint, hostKeys, login } = await readTunnelPlan(this.planPath)
    const { client } = await openClient(endpoint, { ...login, pins: { keys: hostKeys } })
    client.on('error', () => undefined)
    client.on('close', () => (this.#client = undefined))
    return client
  }
}
