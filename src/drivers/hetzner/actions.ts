import type { Clock } from '../../contracts/clock.js'
import { pending } from '../../util/wait.js'
import { ApiError } from '../common/api/errors.js'
import { Poll } from '../common/api/poll.js'
import type { HetznerApi } from './api.js'
import type { Action } from './api-types.js'
import { hintsFor } from './hints.js'

/** Ids that one call may name: this list knows no `per_page`, and longer URLs are not known to be read. */
const IDS_A_CALL = 20
const DEADLINE_MS = 120_000
const FIRST_MS = 500

/** Waits for Hetzner's actions: all that anybody waits for are asked for in one call. */
export class Actions {
  readonly #awaited = new Map<number, number>()
  readonly #poll: Poll<Action>

  constructor(
    private readonly api: HetznerApi,
    clock: Clock,
  ) {
    this.#poll = new Poll({
      list: (signal) => this.look([...this.#awaited.keys()], signal),
      clock,
      firstMs: FIRST_MS,
      pageSize: IDS_A_CALL,
    })
  }

  /** Returns when all of them are done. @throws ApiError with Hetzner's words when one has failed */
  async done(actions: readonly Action[], signal: AbortSignal): Promise<void> {
    throwFailed(actions)
    await Promise.all(
      actions
        .filter(({ status }) => status === 'running')
        .map(async (action) => await this.#one(action, signal)),
    )
  }

  /** These actions as they are now. */
  async look(ids: readonly number[], signal: AbortSignal): Promise<readonly Action[]> {
    const calls = Array.from({ length: Math.ceil(ids.length / IDS_A_CALL) }, async (_value, index) => {
      const some = ids.slice(index * IDS_A_CALL, (index + 1) * IDS_A_CALL)
      const query = some.map((id) => `id=${id}`).join('&')
      const call = { method: 'GET', path: `/actions?${query}`, what: 'look at the actions' } as const
      return (await this.api.call<{ actions: readonly Action[] }>(call, signal)).actions
    })
    return (await Promise.all(calls)).flat()
  }

  async #one({ id, command }: Action, signal: AbortSignal): Promise<void> {
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1)
    try {
      const outcome = await this.#poll.until(
        `Hetzner's action ${command} (${id})`,
        (list) => {
          const now = list.find((action) => action.id === id)
          return now && now.status !== 'running' ? now : pending(`it is ${now ? 'running' : 'not listed'}`)
        },
        { deadlineMs: DEADLINE_MS, signal },
      )
      throwFailed([outcome])
    } finally {
      const left = (this.#awaited.get(id) ?? 1) - 1
      if (left > 0) this.#awaited.set(id, left)
      else this.#awaited.delete(id)
    }
  }
}

function throwFailed(actions: readonly Action[]): void {
  const failed = actions.find(({ status }) => status === 'error')
  if (!failed) return
  const { code, message } = failed.error ?? { code: 'action_failed', message: 'no reason given' }
  throw new ApiError(
    `Hetzner cannot carry out ${failed.command}: ${message} (${code}, action ${failed.id})`,
    { fate: 'refused', providerCode: code },
    { hints: hintsFor(code) },
  )
}
