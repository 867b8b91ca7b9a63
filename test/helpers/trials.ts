/**
 * Cases of one class of fault, tried one after another or a few at once. Each has a seed: the failure names it, and
 * `TSMACHINE_SEED=SEED TSMACHINE_TRIALS=1` tries that case alone. How many were tried and how many survived is printed, and kept
 * for the table of `npm run campaign` in the file of TSMACHINE_TALLY.
 */
import { appendFileSync } from 'node:fs'
import { size, type SizeName } from '../sizes.js'
import { random } from './hostile-values.js'

/** What a case may use of tap's test. */
interface Teller {
  comment(text: string): void
  fail(text: string, extra: object): unknown
  pass(text: string): unknown
}

export interface Trial {
  readonly index: number
  readonly seed: number
  /** A whole number from 0 to below the limit. */
  readonly next: (limit: number) => number
  readonly pick: <T>(list: readonly T[]) => T
}

/** A line of the table in docs/reliability.md. */
export interface Tally {
  readonly name: string
  readonly tried: number
  readonly survived: number
  readonly firstSeed: number
}

interface Options {
  /** Cases at once, 1 if not said. */
  readonly atOnce?: number
}

const DEFAULT_SEED = 20_261_122

/** Tries as many cases as the table of sizes says; `one` throws where a case was not survived. */
export async function trials(
  t: Teller,
  name: string,
  count: SizeName | number,
  one: (trial: Trial) => Promise<void>,
  options: Options = {},
): Promise<Tally> {
  const firstSeed = Number(process.env['TSMACHINE_SEED'] ?? DEFAULT_SEED)
  const asked = typeof count === 'number' ? count : size(count)
  const total = Number(process.env['TSMACHINE_TRIALS'] ?? asked)
  let begun = 0
  let survived = 0
  const worker = async (): Promise<void> => {
    while (begun < total) {
      const trial = trialOf(begun++, firstSeed)
      if (await survives(t, name, trial, one)) survived++
    }
  }
  await Promise.all(Array.from({ length: options.atOnce ?? 1 }, worker))
  const tally = { name, tried: begun, survived, firstSeed }
  t.comment(`${name}: ${begun} tried, ${survived} survived (seed ${firstSeed})`)
  const path = process.env['TSMACHINE_TALLY']
  if (path) appendFileSync(path, `${JSON.stringify(tally)}\n`)
  return tally
}

async function survives(
  t: Teller,
  name: string,
  trial: Trial,
  one: (trial: Trial) => Promise<void>,
): Promise<boolean> {
  try {
    await one(trial)
    t.pass(`${name} ${trial.index}`)
    return true
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    t.comment(text)
    t.fail(`${name}: again with TSMACHINE_SEED=${trial.seed} TSMACHINE_TRIALS=1`, { text })
    return false
  }
}

function trialOf(index: number, firstSeed: number): Trial {
  const seed = firstSeed + index
  const next = random(seed)
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new Error('nothing to pick from')
    return list[next(list.length)] as T
  }
  return { index, seed, next, pick }
}
