/**
 * Side-by-side measurements, printed with their budgets, kept in `bench/results.json` and drawn in `bench/results.svg`.
 * docs/performance.md explains the budgets.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageVersion } from '../src/cli/version.js'
import { findProgram } from '../src/util/exec.js'
import { packageRoot } from '../src/util/paths.js'
import { size, type SizeName } from '../test/sizes.js'
import { testPath } from '../tools/test-path.js'
import { benchBinary } from './binary.js'
import { benchBoot } from './boot.js'
import { benchCloud } from './cloud.js'
import { thisComputer } from './machine.js'
import { benchLs } from './ls.js'
import { benchParallel } from './parallel.js'
import { benchPlugins } from './plugins.js'
import { benchProvision } from './provision.js'
import { benchRemote } from './remote.js'
import { RESULTS_SCHEMA } from './record.js'
import type { Bench } from './result.js'
import { runAll } from './run.js'
import { benchShell } from './shell.js'
import { benchStartup } from './startup.js'
import { benchSuspend } from './suspend.js'

interface Row {
  readonly bench: Bench
  /** How often it runs when nobody says so. */
  readonly runs: SizeName
}

/** Cheap ones first: an interrupted run has as many as may be. */
const BENCHES: Readonly<Record<string, Row>> = {
  shell: { bench: benchShell, runs: 'benchStarts' },
  startup: { bench: benchStartup, runs: 'benchStarts' },
  binary: { bench: benchBinary, runs: 'benchStarts' },
  cloud: { bench: benchCloud, runs: 'benchCounts' },
  ls: { bench: benchLs, runs: 'benchBoots' },
  plugins: { bench: benchPlugins, runs: 'benchBoots' },
  boot: { bench: benchBoot, runs: 'benchBoots' },
  parallel: { bench: benchParallel, runs: 'benchBoots' },
  suspend: { bench: benchSuspend, runs: 'benchBoots' },
  provision: { bench: benchProvision, runs: 'benchBoots' },
  remote: { bench: benchRemote, runs: 'benchBoots' },
}

const HELP = `npm run bench [-- [campaign] NAME... [--runs N] [--docker-machine PATH]]

  NAME              ${Object.keys(BENCHES).join(', ')}; none of them means all
  campaign          as many runs of each as before a release
  --runs N          so many runs of each
  --docker-machine  docker-machine's program, where it is not on PATH

The status is 1 when a budget was exceeded or a comparison failed.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    'docker-machine': { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const campaign = positionals[0] === 'campaign'
  const named = positionals.slice(campaign ? 1 : 0)
  const names = named.length > 0 ? named : Object.keys(BENCHES)
  const unknown = names.filter((name) => !(name in BENCHES))
  if (unknown.length > 0) return refuse(`nothing is called ${unknown.join(' or ')}`)
  if (values.runs !== undefined && !/^[1-9]\d*$/.test(values.runs)) return refuse('--runs wants a number')
  if (campaign) process.env['TSMACHINE_SIZES'] = 'campaign'
  process.env['PATH'] = await testPath()
  // On Node 20 it doubles the time of every start, and that of no Go program.
  delete process.env['NODE_EXTRA_CA_CERTS']
  if (!(await measure(names))) process.exitCode = 1
}

function refuse(why: string): void {
  process.stderr.write(`${why}\n\n${HELP}`)
  process.exitCode = 2
}

async function measure(names: readonly string[]): Promise<boolean> {
  const dockerMachine = values['docker-machine'] ?? findProgram('docker-machine')
  return await runAll({
    benches: Object.entries(BENCHES)
      .filter(([name]) => names.includes(name))
      .map(([name, { bench, runs }]) => ({ name, bench, runs: Number(values.runs ?? size(runs)) })),
    ...(dockerMachine === undefined ? {} : { dockerMachine }),
    head: {
      schema: RESULTS_SCHEMA,
      version: packageVersion(),
      date: new Date().toISOString(),
      computer: await thisComputer(),
      dockerMachine: dockerMachine !== undefined,
    },
    dir: join(packageRoot(), 'bench'),
    print: (text) => void process.stdout.write(text),
  })
}
