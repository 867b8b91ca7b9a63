import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { Test } from 'tap'
import { GobDecoder } from '../../src/drivers/plugin/wire/gob/decoder.js'
import { CONNECT_REPLY, CONNECT_REQUEST, Pairs } from '../../src/drivers/plugin/wire/net-rpc.js'
import { poll } from './poll.js'
import type { ScriptedCall } from './scripted-plugin.js'

/** A client of a plugin that sends what a test wants, and keeps what comes. */
export class RawClient {
  #received = Buffer.alloc(0)
  isClosed = false

  constructor(readonly socket: Socket) {
    socket.on('error', () => undefined)
    socket.on('close', () => (this.isClosed = true))
    socket.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])))
  }

  static async connect(t: Test, { host, port }: { host: string; port: number }): Promise<RawClient> {
    const socket = createConnection({ host, port, noDelay: true })
    const client = new RawClient(socket)
    t.teardown(() => void socket.destroy())
    await once(socket, 'connect')
    return client
  }

  static async greeted(t: Test, address: { host: string; port: number }): Promise<RawClient> {
    const client = await RawClient.connect(t, address)
    await client.send(CONNECT_REQUEST)
    await client.until(() => client.text === CONNECT_REPLY)
    return client
  }

  send(bytes: Buffer | string): Promise<void> {
    return new Promise((resolve) => void this.socket.write(bytes, () => resolve()))
  }

  get text(): string {
    return this.#received.toString('latin1')
  }

  /** The answers so far. */
  get answers(): ScriptedCall[] {
    const pairs = new Pairs()
    const values = [...new GobDecoder().push(this.#received.subarray(CONNECT_REPLY.length))]
    return values.flatMap((value) => pairs.push(value) ?? [])
  }

  async until(happened: () => boolean): Promise<void> {
    await poll(10_000, async () => happened(), 5)
  }
}
