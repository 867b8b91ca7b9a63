/** `start` of a suspended machine against `start` of the same machine when it was stopped. */
import { TestUser } from '../test/helpers/cli.js'
import { elapsed, interleave } from './interleave.js'
import { ratio } from './numbers.js'
import type { Bench, Measurement } from './result.js'

const NAME = 'bench'
const FLAGS = ['--qemu-memory', '2048', '--qemu-cpu-count', '2', '--qemu-accel', 'tcg']
const BUDGET = 0.2

export const benchSuspend: Bench = async ({ runs }) => {
  const user = new TestUser()
  try {
    await user.ok(['create', ...FLAGS, NAME])
    const saves: number[] = []
    const { resume, start } = await interleave(
      {
        resume: async () => {
          saves.push(await elapsed(() => user.ok(['suspend', NAME])))
          return await elapsed(() => user.ok(['start', NAME]))
        },
        start: async () => {
          await user.ok(['stop', NAME])
          return await elapsed(() => user.ok(['start', NAME]))
        },
      },
      { runs },
    )
    const row = (name: string, values: readonly number[]): Measurement => ({ name, unit: 'ms', values })
    const [fast, slow] = [row('start of a suspended machine', resume), row('start of a stopped one', start)]
    return {
      measurements: [fast, slow, row('suspend', saves)],
      ratios: [ratio('resume by start', fast, slow, BUDGET)],
      notes: ['emulated (tcg); the guest has no containers'],
    }
  } finally {
    await user.cleanUp()
  }
}
