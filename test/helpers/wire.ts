/** One direction of an emulated line: a rate, which all connections share, and a delay. */
export class Wire {
  #freeAt = 0

  constructor(
    readonly delayMs: number,
    /** Infinity: no limit. */
    readonly bytesPerMs: number,
  ) {}

  /** When bytes that are given to it now have arrived: those given before go first. */
  arrival(bytes: number, now: number): number {
    this.#freeAt = Math.max(now, this.#freeAt) + bytes / this.bytesPerMs
    return this.#freeAt + this.delayMs
  }

  /** Milliseconds until all that was given to it is on its way. */
  backlogMs(now: number): number {
    return Math.max(0, this.#freeAt - now)
  }
}

/** What went over a line, seen from the client. */
export interface Traffic {
  readonly connections: number
  /** How often the client had to wait for the other end: connecting counts, and each answer to what it had said. */
  readonly roundTrips: number
  readonly bytesUp: number
  readonly bytesDown: number
}

/** Counts one connection's traffic: connecting was the first round trip. */
export class TripCounter {
  roundTrips = 1
  bytesUp = 0
  bytesDown = 0
  #isAsking = false

  up(bytes: number): void {
    this.bytesUp += bytes
    this.#isAsking = true
  }

  down(bytes: number): void {
    this.bytesDown += bytes
    if (this.#isAsking) this.roundTrips += 1
    this.#isAsking = false
  }
}

export function sum(counters: readonly TripCounter[]): Traffic {
  const total = (key: 'roundTrips' | 'bytesUp' | 'bytesDown'): number =>
    counters.reduce((before, counter) => before + counter[key], 0)
  return {
    connections: counters.length,
    roundTrips: total('roundTrips'),
    bytesUp: total('bytesUp'),
    bytesDown: total('bytesDown'),
  }
}

/** What lies between two readings. */
export function difference(later: Traffic, earlier: Traffic): Traffic {
  return {
    connections: later.connections - earlier.connections,
    roundTrips: later.roundTrips - earlier.roundTrips,
    bytesUp: later.bytesUp - earlier.bytesUp,
    bytesDown: later.bytesDown - earlier.bytesDown,
  }
}
