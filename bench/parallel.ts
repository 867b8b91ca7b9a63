/** Several names of one `create`: made at the same time, against one after the other. Both share image and certificates. */
import { TestUser } from '../test/helpers/cli.js'
import { elapsed, interleave } from './interleave.js'
import { ratio } from './numbers.js'
import type { Bench, Measurement } from './result.js'

const NAMES = ['one', 'two']
const FLAGS = ['--qemu-memory', '1024', '--qemu-cpu-count', '1', '--qemu-accel', 'tcg']

export const benchParallel: Bench = async ({ runs }) => {
  const { together, inTurn } = await interleave(
    { together: () => createBoth(NAMES.length), inTurn: () => createBoth(1) },
    { runs },
  )
  const row = (name: string, values: readonly number[]): Measurement => ({ name, unit: 'ms', values })
  const [fast, slow] = [row('two machines at the same time', together), row('one after the other', inTurn)]
  return { measurements: [fast, slow], ratios: [ratio('together by in turn', fast, slow, 1)], notes: [] }
}

async function createBoth(parallel: number): Promise<number> {
  const user = new TestUser()
  try {
    return await elapsed(() => user.ok(['create', ...FLAGS, '--parallel', String(parallel), ...NAMES]))
  } finally {
    await user.cleanUp()
  }
}
