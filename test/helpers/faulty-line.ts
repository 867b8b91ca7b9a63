/**
 * A line to servers of this computer that breaks as lines do: cut after so many bytes, silent without an end (nobody's FIN or
 * RST arrives), late, narrow. Bytes of one direction never overtake each other.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** `up` is from our program to the server. */
export type Way = 'up' | 'down'

export type Fault =
  /** The connection that carries that byte ends there; what comes later works, is refused, or is never answered. */
  | {
      readonly kind: 'cut'
      readonly at: number
      readonly way: Way
      readonly by: 'reset' | 'end'
      readonly later: Later
    }
  /** From that byte on nothing arrives, ends included. */
  | { readonly kind: 'stall'; readonly at: number; readonly way: Way; readonly later: Later }
  /** Each byte comes so much later; the other direction too. */
  | { readonly kind: 'late'; readonly delayMs: number }
  | { readonly kind: 'narrow'; readonly bytesPerS: number }

/** What becomes of connections that are made after the fault struck. */
export type Later = 'works' | 'refused' | 'silent'

const LOCAL = '127.0.0.1'

export class FaultyLine {
  /** Bytes that were carried since the last `set`, of all connections. */
  readonly carried: Record<Way, number> = { up: 0, down: 0 }
  #fault: Fault | undefined
  #struck = false
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  get hasStruck(): boolean {
    return this.#struck
  }

  /** Connections that our program still holds. */
  get open(): number {
    return this.#clients.size
  }

  readonly #clients = new Set<Socket>()

  /** Opens a port that leads to a port of this computer. */
  async to(target: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#serve(client, target),
    )
    this.#servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, LOCAL, resolve)
    })
    return (server.address() as AddressInfo).port
  }

  /** From now on this happens to it; nothing when absent. Connections that are silent stay so. */
  set(fault?: Fault): void {
    this.#fault = fault
    this.#struck = false
    Object.assign(this.carried, { up: 0, down: 0 })
  }

  /** Ends everything, as when both computers have given up. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const ended = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()))
    await Promise.all(this.#servers.map(ended))
  }

  #serve(client: Socket, target: number): void {
    this.#keep(client)
    this.#clients.add(client)
    client.once('close', () => this.#clients.delete(client))
    const later = this.#struck && this.#fault && 'later' in this.#fault ? this.#fault.later : 'works'
    if (later === 'refused') return void client.resetAndDestroy()
    if (later === 'silent') return void client.pause()
    const server = connect({ host: LOCAL, port: target, noDelay: true, allowHalfOpen: true })
    this.#keep(server)
    const pair = new Pair(client, server)
    this.#carry(client, server, 'up', pair)
    this.#carry(server, client, 'down', pair)
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #carry(from: Socket, to: Socket, way: Way, pair: Pair): void {
    let arrived = Promise.resolve()
    const deliver = (pauseMs: number, act: () => void): void => {
      const due = Date.now() + this.#delayMs()
      arrived = arrived.then(async () => {
        await pause(Math.max(0, due - Date.now()) + pauseMs)
        if (!pair.isSilent && !to.destroyed) act()
      })
    }
    from.on('data', (chunk: Buffer) => {
      const passed = this.#passes(chunk.length, way)
      deliver(this.#widthMs(chunk.length), () => {
        to.write(chunk.subarray(0, passed))
        if (passed < chunk.length) this.#strike(pair)
        if (to.writableLength > HELD) hold(from, to)
      })
      this.carried[way] += chunk.length
    })
    from.once('end', () => deliver(0, () => to.end()))
    from.once('close', () => deliver(0, () => to.destroySoon()))
  }

  #delayMs(): number {
    return this.#fault?.kind === 'late' ? this.#fault.delayMs : 0
  }

  #widthMs(bytes: number): number {
    return this.#fault?.kind === 'narrow' ? (bytes / this.#fault.bytesPerS) * 1000 : 0
  }

  /** How many of these bytes get through. */
  #passes(bytes: number, way: Way): number {
    const fault = this.#fault
    if (!fault || !('at' in fault) || fault.way !== way || this.#struck) return bytes
    const left = fault.at - this.carried[way]
    return left < bytes ? Math.max(0, left) : bytes
  }

  #strike(pair: Pair): void {
    const fault = this.#fault
    if (this.#struck || !fault || !('at' in fault)) return
    this.#struck = true
    if (fault.kind === 'stall') pair.silence()
    else pair.end(fault.by)
  }
}

const HELD = 1024 * 1024

/** A reader that does not keep up slows its writer. */
function hold(from: Socket, to: Socket): void {
  from.pause()
  to.once('drain', () => from.resume())
}

function pause(ms: number): Promise<void> {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve()
}

class Pair {
  isSilent = false

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
  ) {}

  /** What is under way is lost too, and neither side hears of the other's end. */
  silence(): void {
    this.isSilent = true
    this.client.pause()
    this.server.pause()
  }

  end(by: 'reset' | 'end'): void {
    this.isSilent = true
    for (const socket of [this.client, this.server]) {
      if (by === 'reset') socket.resetAndDestroy()
      else socket.destroySoon()
    }
  }
}
