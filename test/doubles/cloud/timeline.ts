import { messageOf } from '../../../src/contracts/errors.js'
import type { Clock } from '../../../src/contracts/clock.js'

interface Due {
  readonly at: number
  state: 'waiting' | 'ready' | 'failed'
  readonly run: (failed: boolean) => void
}

/** What happens at the provider as time goes by. Nothing runs by itself: whoever looks settles what is due first. */
export class Timeline {
  #events: Due[] = []

  constructor(
    readonly clock: Clock,
    /** Where it is told that something real has failed. */
    private readonly troubles: string[] = [],
  ) {}

  /** Runs `work` once `ms` have passed and, where something really takes place, that has ended. */
  after(ms: number, work: (failed: boolean) => void, until?: Promise<unknown>): void {
    const event: Due = {
      at: this.clock.monotonicMs() + ms,
      state: until ? 'waiting' : 'ready',
      run: work,
    }
    until?.then(
      () => (event.state = 'ready'),
      (error: unknown) => {
        event.state = 'failed'
        this.troubles.push(messageOf(error))
      },
    )
    this.#events.push(event)
  }

  /** Does what is due, in the order in which it came due. */
  settle(): void {
    for (;;) {
      const now = this.clock.monotonicMs()
      const due = this.#events.filter(({ at, state }) => at <= now && state !== 'waiting')
      const next = due.sort((a, b) => a.at - b.at)[0]
      if (!next) return
      this.#events.splice(this.#events.indexOf(next), 1)
      next.run(next.state === 'failed')
    }
  }

  now(): string {
    return this.clock
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
  }
}
