/** Whole runs of the program, from the start of its process to its end, by those of `node -e 0`. */
import { spawn } from 'node:child_process'
import { PROGRAM } from '../test/helpers/cli.js'
import { elapsed, interleave } from './interleave.js'
import { ratio } from './numbers.js'
import { peakMemoryMb } from './peak-memory.js'
import type { Bench, Measurement, Ratio } from './result.js'
import { BenchStore, FIRST } from './store.js'

/** Command lines by their budget as a ratio to `node -e 0`. */
const FORMS: readonly (readonly [budget: number, forms: readonly (readonly string[])[]])[] = [
  [
    1.3,
    [
      ['env', FIRST],
      ['ip', FIRST],
      ['url', FIRST],
      ['active'],
      ['inspect', FIRST],
      ['inspect', '-f', '{{.Name}}', FIRST],
      ['ls', '-q'],
    ],
  ],
  [2.6, [['config', FIRST]]],
  [3.5, [['--help'], ['--version'], ['create', '--help', '--driver', 'qemu']]],
]
const NOTHING = 'node -e 0'
const THEIRS = 'docker-machine env'

export const benchStartup: Bench = async ({ runs, dockerMachine }) => {
  const store = await BenchStore.start()
  const env = { ...store.user.env, DOCKER_HOST: store.url }
  const starts = (words: readonly string[]) => () => elapsed(() => start(words, env))
  const ours = FORMS.flatMap(([budget, forms]) =>
    forms.map((words) => ({ budget, words, name: words.join(' ') })),
  )
  try {
    const turns: Readonly<Record<string, readonly number[]>> = await interleave(
      {
        [NOTHING]: starts([process.execPath, '-e', '0']),
        ...Object.fromEntries(
          ours.map(({ name, words }) => [name, starts([process.execPath, PROGRAM, ...words])]),
        ),
        [THEIRS]:
          dockerMachine === undefined
            ? undefined
            : starts([dockerMachine, '-s', store.user.store, 'env', FIRST]),
      },
      { runs, warmUp: 1 },
    )
    const row = (name: string): Measurement => ({ name, unit: 'ms', values: turns[name] ?? [] })
    const times = [NOTHING, ...ours.map(({ name }) => name), ...(dockerMachine ? [THEIRS] : [])].map(row)
    const ratios: Ratio[] = ours.map(({ name, budget }) =>
      ratio(`${name} by ${NOTHING}`, row(name), row(NOTHING), budget),
    )
    const theirs = dockerMachine ? [ratio(`env by ${THEIRS}`, row(`env ${FIRST}`), row(THEIRS))] : []
    const memory = await Promise.all(ours.map(({ name, words }) => memoryOf(name, words, env)))
    return { measurements: [...times, ...memory], ratios: [...ratios, ...theirs], notes: [] }
  } finally {
    await store.close()
  }
}

async function memoryOf(
  name: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Measurement> {
  return {
    name: `memory: ${name}`,
    unit: 'MB',
    values: [await peakMemoryMb(process.execPath, [PROGRAM, ...words], env)],
  }
}

/** @throws Error when it fails: what ends early is fast */
async function start([program = '', ...words]: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(program, words, { env, stdio: 'ignore' })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${code}`)
}
