/**
 * `start` of a suspended machine against `start` of the same machine when it was stopped, and four machines at once from a
 * snapshot against one that boots.
 */
import { TestUser } from '../test/helpers/cli.js'
import { elapsed, interleave } from './interleave.js'
import { ratio } from './numbers.js'
import type { Bench, Measurement } from './result.js'

const NAME = 'bench'
const FLAGS = ['--qemu-memory', '2048', '--qemu-cpu-count', '2', '--qemu-accel', 'tcg']
const BUDGET = 0.2
const AT_ONCE = ['one', 'two', 'three', 'four']
const SNAPSHOT_BUDGET = 1.5

export const benchSuspend: Bench = async ({ runs }) => {
  const { four, one, first } = await measureSnapshots(runs)
  const { resume, start, saves } = await measureResume(runs)
  const row = (name: string, values: readonly number[]): Measurement => ({ name, unit: 'ms', values })
  const [fast, slow] = [row('start of a suspended machine', resume), row('start of a stopped one', start)]
  const [all, single] = [row('four machines at once, from a snapshot', four), row('one create', one)]
  return {
    measurements: [fast, slow, row('suspend', saves), all, single, row('one from a snapshot', first)],
    ratios: [
      ratio('resume by start', fast, slow, BUDGET),
      ratio('four from a snapshot by one create', all, single, SNAPSHOT_BUDGET),
    ],
    notes: ['emulated (tcg); the guests have no containers', 'the template was made before'],
  }
}

async function measureSnapshots(runs: number): Promise<Record<'four' | 'one' | 'first', readonly number[]>> {
  await create(['--from-snapshot', 'first'])
  return await interleave(
    {
      four: () => create(['--from-snapshot', ...AT_ONCE]),
      one: () => create(['one']),
      first: () => create(['--from-snapshot', 'one']),
    },
    { runs },
  )
}

/** On an empty store each time. */
async function create(words: readonly string[]): Promise<number> {
  const user = new TestUser()
  try {
    return await elapsed(() => user.ok(['create', ...FLAGS, ...words]))
  } finally {
    await user.cleanUp()
  }
}

async function measureResume(runs: number): Promise<Record<'resume' | 'start' | 'saves', readonly number[]>> {
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
    return { resume, start, saves }
  } finally {
    await user.cleanUp()
  }
}
