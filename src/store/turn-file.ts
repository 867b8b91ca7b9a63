import { readFileSync } from 'node:fs'
import type { RateLimit } from '../contracts/account.js'
import type { Clock } from '../contracts/clock.js'
import { isMachineError } from '../contracts/errors.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { withLock } from '../util/locks.js'
import { freshTurns, type Grant, type TurnState } from './turns.js'

type Change = (state: TurnState, now: number) => Grant

/** Where the turns of one limit are counted. */
export interface TurnPlace {
  /** Changes the count, one caller at a time. */
  change(next: Change): Promise<Grant>
}

/** A file that the processes of a store share. A store that cannot be written to (read-only, full) stops no call. */
export class TurnFile implements TurnPlace {
  /** Counts for this process where the file cannot be written. */
  readonly #alone: TurnMemory

  constructor(
    private readonly path: string,
    private readonly limit: RateLimit,
    private readonly clock: Clock,
  ) {
    this.#alone = new TurnMemory(limit, clock)
  }

  async change(next: Change): Promise<Grant> {
    try {
      return await withLock(`${this.path}.lock`, { what: 'count calls', clock: this.clock }, async () => {
        const now = this.clock.now().getTime()
        const result = next(readTurns(this.path) ?? freshTurns(this.limit, now), now)
        await writeFileAtomic(this.path, JSON.stringify(result.state))
        return result
      })
    } catch (error) {
      if (!isMachineError(error)) throw error
      return await this.#alone.change(next)
    }
  }
}

/** The memory of this process. */
export class TurnMemory implements TurnPlace {
  #state: TurnState | undefined

  constructor(
    private readonly limit: RateLimit,
    private readonly clock: Clock,
  ) {}

  change(next: Change): Promise<Grant> {
    const now = this.clock.now().getTime()
    const result = next(this.#state ?? freshTurns(this.limit, now), now)
    this.#state = result.state
    return Promise.resolve(result)
  }
}

/** Undefined where there is no such file, or a broken one: then counting begins anew. */
function readTurns(path: string): TurnState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isTurnState(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isTurnState(value: unknown): value is TurnState {
  if (typeof value !== 'object' || value === null) return false
  const { given, left, at, until } = value as Record<string, unknown>
  const pairs =
    Array.isArray(given) && given.every((pair) => Array.isArray(pair) && pair.every(Number.isFinite))
  return pairs && [left, at, until].every(Number.isFinite)
}
