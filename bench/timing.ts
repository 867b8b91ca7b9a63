import type { StageTime } from '../src/contracts/events.js'
import type { TestUser } from '../test/helpers/cli.js'
import type { TimelinePart } from './result.js'

/** Runs `tsmachine create` and returns what it tells of its stages. */
export async function timedCreate(
  user: TestUser,
  words: readonly string[],
  name: string,
): Promise<readonly StageTime[]> {
  const text = await user.ok(['create', '--timing', '--json', ...words, name])
  return (JSON.parse(text) as { result: { timing: readonly StageTime[] } }).result.timing
}

/** Stages and their parts as rows of a timeline. */
export function timelineParts(timing: readonly StageTime[]): readonly TimelinePart[] {
  return timing.map(({ stage, part, startMs, ms }) => ({
    text: part === undefined ? stage : `${stage}: ${part}`,
    startMs,
    ms,
  }))
}

type Part = readonly [stage: string, part: string]

/** From the begin of one part to the end of another. @throws Error where one of them was not told */
export function stretch(timing: readonly StageTime[], from: Part, to: Part): number {
  const row = (stage: string, part: string): StageTime => {
    const found = timing.find((one) => one.stage === stage && one.part === part)
    if (!found) throw new Error(`create --timing does not tell of ${stage}: ${part}`)
    return found
  }
  const last = row(...to)
  return last.startMs + last.ms - row(...from).startMs
}
