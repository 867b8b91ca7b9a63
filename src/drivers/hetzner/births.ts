import type { Clock } from '../../contracts/clock.js'
import type { CloudServer } from '../common/cloud/account.js'
import type { Actions } from './actions.js'
import type { Action } from './api-types.js'

/** How long a new server may take before its actions are looked at: most run sooner. */
const LATE_MS = 30_000

interface Birth {
  readonly server: CloudServer
  readonly actions: readonly number[]
  readonly since: number
}

/**
 * Servers that this process has ordered and that do not run yet. Hetzner takes an order before it has found a host for it:
 * a server whose actions fail vanishes, or stays off.
 */
export class Births {
  readonly #expected = new Map<string, Birth>()

  constructor(
    private readonly actions: Actions,
    private readonly clock: Clock,
  ) {}

  expect(server: CloudServer, actions: readonly Action[]): void {
    const since = this.clock.monotonicMs()
    this.#expected.set(server.id, { server, actions: actions.map(({ id }) => id), since })
  }

  /** The list, with those that will never run marked as such. */
  async judge(list: readonly CloudServer[], signal: AbortSignal): Promise<readonly CloudServer[]> {
    for (const { id, state } of list) if (state === 'Running') this.#expected.delete(id)
    const late = [...this.#expected.values()].filter((birth) => this.#isLate(birth))
    if (late.length === 0) return list
    const seen = await this.actions.look(
      late.flatMap(({ actions }) => actions),
      signal,
    )
    const dead = late.flatMap((birth) => stillborn(birth, seen, list))
    for (const { id } of dead) this.#expected.delete(id)
    return [...list.filter(({ id }) => !dead.some((server) => server.id === id)), ...dead]
  }

  #isLate({ since }: Birth): boolean {
    return this.clock.monotonicMs() - since >= LATE_MS
  }
}

function stillborn(
  { server, actions }: Birth,
  seen: readonly Action[],
  list: readonly CloudServer[],
): CloudServer[] {
  const own = seen.filter(({ id }) => actions.includes(id))
  const failed = own.find(({ status }) => status === 'error')
  const now = list.find(({ id }) => id === server.id)
  if (failed) {
    const { code, message } = failed.error ?? { code: 'action_failed', message: 'no reason given' }
    return [{ ...(now ?? server), state: 'Error', error: `${failed.command}: ${message} (${code})` }]
  }
  const done = own.length === actions.length && own.every(({ status }) => status === 'success')
  if (done && now?.state === 'Stopped')
    return [{ ...now, state: 'Error', error: 'it was started and is off again: its image did not boot' }]
  return []
}
