/** A process of its own that takes turns of a shared rate budget; prints the time of each. Called with one JSON word. */
import { join } from 'node:path'
import type { RateLimit } from '../../src/contracts/account.js'
import { SharedBudget } from '../../src/store/shared-budget.js'
import { TurnFile } from '../../src/store/turn-file.js'
import { systemClock } from '../../src/util/clock.js'
import { acquireLock } from '../../src/util/locks.js'

export interface BudgetTask {
  readonly dir: string
  readonly limit: RateLimit
  readonly turns: number
  /** Dies as by kill -9: with what it holds, or inside the lock. */
  readonly die?: 'holding' | 'locked'
}

const { dir, limit, turns, die } = JSON.parse(process.argv[2] ?? '{}') as BudgetTask
const file = new TurnFile(join(dir, `${limit.name}.json`), limit, systemClock)
const budget = new SharedBudget(limit, systemClock, file)
const times: number[] = []
for (let turn = 0; turn < turns; turn++) {
  await budget.take(new AbortController().signal)
  times.push(Date.now())
}
process.stdout.write(`${JSON.stringify(times)}\n`, () => void end())

async function end(): Promise<void> {
  if (die === 'locked') await acquireLock(join(dir, `${limit.name}.json.lock`), { what: 'die' })
  if (die !== undefined) process.kill(process.pid, 'SIGKILL')
}
