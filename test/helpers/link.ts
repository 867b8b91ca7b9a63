/**
 * A long, narrow line to servers of this computer: TCP ports of 127.0.0.1 that lead to theirs with a delay and a rate, which
 * all ports share. Kernels of test computers seldom have netem; what this lacks of it is TCP's own slow start and loss.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../src/contracts/clock.js'
import { systemClock } from '../../src/util/clock.js'
import { sum, type Traffic, TripCounter, Wire } from './wire.js'

export interface LinkOptions {
  readonly rttMs: number
  /** Of each direction; no limit when absent. */
  readonly mbitPerS?: number
  /**
   * For counting: bytes of one direction go on together once it has been silent so long, so that what is said in one breath
   * is one flight however it was cut up.
   */
  readonly settleMs?: number
  readonly clock?: Clock
}

const LOCAL = '127.0.0.1'
/** What a router keeps of one direction before the sender has to wait. */
const QUEUE_MS = 250

export class Link {
  readonly #rttMs: number
  readonly #settleMs: number | undefined
  readonly #clock: Clock
  readonly #up: Wire
  readonly #down: Wire
  readonly #counters: TripCounter[] = []
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  constructor({ rttMs, mbitPerS = Infinity, settleMs, clock = systemClock }: LinkOptions) {
    const bytesPerMs = (mbitPerS * 1_000_000) / 8 / 1000
    this.#rttMs = rttMs
    this.#settleMs = settleMs
    this.#clock = clock
    this.#up = new Wire(rttMs / 2, bytesPerMs)
    this.#down = new Wire(rttMs / 2, bytesPerMs)
  }

  /** Opens a port (a free one when none is named) that leads to a port of this computer. */
  async open(target: number, port = 0): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
      void this.#serve(client, target)
    })
    this.#servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, LOCAL, resolve)
    })
    return (server.address() as AddressInfo).port
  }

  traffic(): Traffic {
    return sum(this.#counters)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    )
  }

  /** TCP's own handshake is one round trip before the client may speak, and half of one more until the server hears. */
  async #serve(client: Socket, target: number): Promise<void> {
    const counter = new TripCounter()
    this.#counters.push(counter)
    this.#keep(client)
    await this.#clock.sleep(this.#rttMs)
    if (client.destroyed) return
    const server = connect({ host: LOCAL, port: target, noDelay: true, allowHalfOpen: true })
    this.#keep(server)
    this.#convey(client, server, this.#up, { given: (bytes) => counter.up(bytes) })
    this.#convey(server, client, this.#down, { arrived: (bytes) => counter.down(bytes) })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #convey(from: Socket, to: Socket, wire: Wire, seen: Seen): void {
    let arrivals = Promise.resolve()
    const deliver = (at: number, act: () => void): void => {
      arrivals = arrivals.then(async () => {
        const wait = at - this.#clock.monotonicMs()
        if (wait > 0) await this.#clock.sleep(wait)
        if (!to.destroyed) act()
      })
    }
    const carry = (chunk: Buffer): void => {
      const now = this.#clock.monotonicMs()
      seen.given?.(chunk.length)
      deliver(wire.arrival(chunk.length, now), () => {
        seen.arrived?.(chunk.length)
        to.write(chunk)
      })
      const full = wire.backlogMs(now) - QUEUE_MS
      if (full <= 0) return
      from.pause()
      void this.#clock.sleep(full).then(() => from.resume())
    }
    const breath = new Breath(this.#settleMs, carry)
    from.on('data', (chunk: Buffer) => breath.add(chunk))
    from.once('end', () => breath.over())
    const last = (act: () => void) => () => deliver(wire.arrival(0, this.#clock.monotonicMs()), act)
    from.once(
      'end',
      last(() => to.end()),
    )
    from.once(
      'close',
      last(() => to.destroySoon()),
    )
    from.resume()
  }
}

interface Seen {
  readonly given?: (bytes: number) => void
  readonly arrived?: (bytes: number) => void
}

/** Holds bytes back until no more have come for a while; at once without a while. */
class Breath {
  #held: Buffer[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(
    readonly settleMs: number | undefined,
    readonly carry: (chunk: Buffer) => void,
  ) {}

  add(chunk: Buffer): void {
    this.#held.push(chunk)
    clearTimeout(this.#timer)
    if (this.settleMs === undefined) this.over()
    else this.#timer = setTimeout(() => this.over(), this.settleMs)
  }

  over(): void {
    clearTimeout(this.#timer)
    const held = this.#held
    this.#held = []
    if (held.length > 0) this.carry(Buffer.concat(held))
  }
}
