import type { Guest } from './guest.js'
import type { Timeline } from './timeline.js'

/** How long things take at the provider, in milliseconds of its clock. */
export interface Times {
  /** From the request for a server until it runs. */
  readonly boot: number
  readonly power: number
  readonly remove: number
}

/** What the provider is like at the moment; a test changes it as it goes. */
export interface Conditions {
  /** Servers that there is room for; beyond, the provider's own words for "sold out". */
  capacity: number
  /** Servers that the account may have. */
  quota: number
  /** Each power on from off comes with another address. */
  changesAddress: boolean
  /** So many servers to come die while they boot. */
  diesBooting: number
  /** Guests do not listen when asked to shut down. */
  ignoresShutdown: boolean
  /** Milliseconds that booting takes beyond the usual. */
  slowBootMs: number
}

export const NORMAL: Readonly<Conditions> = {
  capacity: Infinity,
  quota: Infinity,
  changesAddress: false,
  diesBooting: 0,
  ignoresShutdown: false,
  slowBootMs: 0,
}

export type PowerVerb = 'on' | 'off' | 'shutdown' | 'reboot' | 'cycle'

/** Milliseconds after which a provider gives up on a guest that does not listen. */
const DEAF_MS = 30_000

/** A server's power, whatever the provider calls it. */
export class Power {
  running = false
  /** Something is under way: providers refuse another action meanwhile. */
  busy = false
  /** Counts what was done to it, so that a late answer of the guest is not taken for news. */
  #turn = 0

  constructor(
    readonly guest: Guest,
    private readonly timeline: Timeline,
    private readonly conditions: Conditions,
    private readonly times: Times,
  ) {
    guest.onOff(() => {
      if (!this.busy) this.running = false
    })
  }

  /** The first start. */
  boot(done: (failed: boolean) => void): void {
    const dies = this.conditions.diesBooting > 0
    if (dies) this.conditions.diesBooting -= 1
    const up = this.guest.powerOn()
    this.#run(
      this.times.boot + this.conditions.slowBootMs,
      dies ? up.then(() => this.guest.powerOff()) : up,
      !dies,
      done,
    )
  }

  perform(verb: PowerVerb, done: (failed: boolean) => void): void {
    const { power } = this.times
    const guest = this.guest
    if (verb === 'shutdown' && this.conditions.ignoresShutdown) {
      this.#run(DEAF_MS, Promise.resolve(), true, () => done(true))
      return
    }
    if (verb === 'on' && !this.running && this.conditions.changesAddress) guest.moveAway()
    const acts: Record<PowerVerb, () => Promise<void>> = {
      on: () => guest.powerOn(),
      off: () => guest.powerOff(),
      shutdown: () => guest.shutdown(),
      reboot: () => guest.reboot(),
      cycle: () => guest.powerOff().then(() => guest.powerOn()),
    }
    this.#run(power, acts[verb](), verb !== 'off' && verb !== 'shutdown', done)
  }

  /** Asks the guest to power off without waiting for it: nothing is locked meanwhile. */
  ask(): void {
    const turn = this.#turn
    const off = (failed: boolean): void => {
      if (failed || turn !== this.#turn) return
      this.running = false
    }
    this.timeline.after(this.times.power, off, this.guest.shutdown())
  }

  #run(ms: number, until: Promise<void>, runsAfter: boolean, done: (failed: boolean) => void): void {
    this.busy = true
    this.#turn += 1
    const finished = (failed: boolean): void => {
      this.busy = false
      this.running = runsAfter && !failed
      done(failed)
    }
    this.timeline.after(ms, finished, until)
  }
}
