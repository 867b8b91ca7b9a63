import type { GuestHost } from './guest.js'
import type { Conditions, Times } from './power.js'
import type { Timeline } from './timeline.js'

/** What a double's account has, whatever the provider: its time and conditions, and actions that take theirs. */
export abstract class ProviderState<A extends { readonly id: number }> {
  readonly actions = new Map<number, A>()
  /** Of whatever was made. */
  protected abstract lastId: number

  constructor(
    readonly timeline: Timeline,
    readonly conditions: Conditions,
    readonly times: Times,
    readonly guests: () => GuestHost,
    readonly violations: string[],
  ) {}

  nextId(): number {
    this.lastId += 1
    return this.lastId
  }

  abstract end(action: A, failed?: boolean): void

  protected begun(action: A): A {
    this.actions.set(action.id, action)
    return action
  }

  /** Lets an action end after the usual time. */
  endSoon(action: A): A {
    this.timeline.after(this.times.power, () => this.end(action))
    return action
  }
}
