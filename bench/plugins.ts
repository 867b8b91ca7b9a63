/** `ls` of 100 machines of one driver plugin of docker-machine, and docker-machine's own. Both read the same stores. */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { run as start } from '../src/util/exec.js'
import { testCertificates } from '../test/helpers/certificates.js'
import { PROGRAM } from '../test/helpers/cli.js'
import { goProgram } from '../test/helpers/go-programs.js'
import { FORGETS, GoProvider } from '../test/helpers/go-provider.js'
import { pluginMachines, writePluginMachines } from '../test/helpers/plugin-machines.js'
import { runDir } from '../test/helpers/run-dir.js'
import { elapsed, interleave } from './interleave.js'
import { ratio } from './numbers.js'
import type { Bench, BenchOptions, Measurement, Ratio } from './result.js'
import { treeMemoryMb } from './tree-memory.js'

const COUNT = 100
const MOST_ALIVE = 4
const SLOW_MS = 50
const LONGEST_MS = 120_000
const WORDS = ['ls', '--timeout', '60']
const BUDGETS = { time: 1, alive: 1, memory: 1 }

/** How long the provider takes for what asks for a state: `GetState` of ours, `GetURL` of docker-machine's. */
const PROVIDERS = [
  { name: `ls of ${COUNT}`, ms: 0, env: FORGETS, budget: BUDGETS.time },
  // No budgets: a process for each machine costs more than it costs docker-machine,
  { name: `ls of ${COUNT}, a plugin that stays with its first machine`, ms: 0, env: {} },
  // and four at a time cannot have done with COUNT * SLOW_MS before a quarter of that.
  { name: `ls of ${COUNT}, ${SLOW_MS} ms each at the provider`, ms: SLOW_MS, env: FORGETS },
] as const

export const benchPlugins: Bench = async (options) => {
  const dir = runDir('bench-plugins')
  try {
    const plugin = await goProgram('plugin')
    const compared: Compared[] = []
    for (const [index, { name, ms, env, ...rest }] of PROVIDERS.entries()) {
      const store = await makeStore(join(dir, String(index)), plugin, ms)
      compared.push(await compare({ ...store, env: { ...store.env, ...env } }, name, options, rest))
    }
    return {
      measurements: compared.flatMap(({ measurements }) => measurements),
      ratios: compared.flatMap(({ ratios }) => ratios),
      notes: [
        'the plugin is a double in Go on net/rpc; nothing listens where its machines have their engines',
        `with ${MOST_ALIVE} processes a provider that takes ${SLOW_MS} ms takes ${(COUNT / MOST_ALIVE) * SLOW_MS} ms at least`,
        ...(options.dockerMachine === undefined ? ['docker-machine is not here: no ratio to it'] : []),
      ],
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface PluginStore {
  readonly provider: GoProvider
  readonly env: NodeJS.ProcessEnv
}

async function makeStore(dir: string, plugin: string, ms: number): Promise<PluginStore> {
  const [home, store] = [join(dir, 'home'), join(dir, 'store')]
  for (const each of [home, store]) mkdirSync(each, { recursive: true })
  const provider = new GoProvider(dir)
  writePluginMachines(store, provider, pluginMachines(COUNT))
  if (ms > 0) provider.script({ at: 'GetState', do: 'sleep', ms }, { at: 'GetURL', do: 'sleep', ms })
  const certificates = await testCertificates()
  cpSync(certificates.dir, join(store, 'certs'), { recursive: true })
  certificates.remove()
  const env = {
    ...provider.env,
    PATH: `${plugin}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    MACHINE_STORAGE_PATH: store,
    MACHINE_BUGSNAG_API_TOKEN: 'no-report',
  }
  return { provider, env }
}

interface Compared {
  readonly measurements: readonly Measurement[]
  readonly ratios: readonly Ratio[]
}

async function compare(
  { provider, env }: PluginStore,
  name: string,
  { runs, dockerMachine }: BenchOptions,
  { budget }: { readonly budget?: number },
): Promise<Compared> {
  const ours = [process.execPath, PROGRAM, ...WORDS] as const
  const theirs = dockerMachine === undefined ? undefined : ([dockerMachine, ...WORDS] as const)
  const turns = await interleave(
    { ours: () => timed(ours, env), theirs: theirs && (() => timed(theirs, env)) },
    { runs, warmUp: 1 },
  )
  const alive = await mostAlive(provider, () => timed(ours, env))
  const memory = [await memoryOf(name, ours, env), ...(theirs ? [await memoryOf(name, theirs, env)] : [])]
  const row = (who: string, values: readonly number[]): Measurement => ({
    name: `${who}${name}`,
    unit: 'ms',
    values,
  })
  const [our, their] = [row('', turns.ours), row('docker-machine ', turns.theirs)]
  const [ourMemory, theirMemory] = memory
  return {
    measurements: [our, ...(theirs ? [their] : []), ...memory],
    ratios: [
      ...(theirs ? [ratio(`${name} by docker-machine`, our, their, budget)] : []),
      {
        name: `${name}: plugin processes alive at once by ${MOST_ALIVE}`,
        value: alive / MOST_ALIVE,
        budget: BUDGETS.alive,
      },
      ...(ourMemory && theirMemory
        ? [
            ratio(
              `${name}: memory, plugins included, by docker-machine`,
              ourMemory,
              theirMemory,
              BUDGETS.memory,
            ),
          ]
        : []),
    ],
  }
}

async function timed(
  [program, ...words]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  return await elapsed(async () => {
    const { code, stdout, stderr } = await start(program, words, { env, deadlineMs: LONGEST_MS })
    if (code !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${code}: ${stderr}`)
    const running = stdout.match(/\bRunning\b/g)?.length ?? 0
    if (running !== COUNT) throw new Error(`${program} says of ${running} machines that they run:\n${stdout}`)
  })
}

/** Not in the runs that are compared: those begin with what others have noted. */
async function mostAlive(provider: GoProvider, work: () => Promise<unknown>): Promise<number> {
  provider.forget()
  await work()
  return provider.mostAtOnce()
}

async function memoryOf(
  name: string,
  [program, ...words]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<Measurement> {
  const who = program === process.execPath ? '' : 'docker-machine '
  return { name: `memory: ${who}${name}`, unit: 'MB', values: [await treeMemoryMb(program, words, env)] }
}
