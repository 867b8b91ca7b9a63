/**
 * Side-by-side measurements; each prints ratios of one interleaved run and fails when a budget is exceeded.
 * `npm run bench [-- [campaign] NAME... [--runs N] [--docker-machine PATH]]`; docker-machine's program is only compared with, it is not part of this.
 */
import { parseArgs } from 'node:util'
import { size } from '../test/sizes.js'
import { testPath } from '../tools/test-path.js'
import { benchBoot } from './boot.js'
import { benchCloud } from './cloud.js'
import { benchProvision } from './provision.js'

/** Returns whether its budget was kept. */
type Bench = (runs: number, dockerMachine: string | undefined) => Promise<boolean>

const BENCHES: Readonly<Record<string, Bench>> = {
  boot: benchBoot,
  cloud: benchCloud,
  provision: benchProvision,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string' }, 'docker-machine': { type: 'string' } },
})
const campaign = positionals[0] === 'campaign'
const named = positionals.slice(campaign ? 1 : 0)
const names = named.length > 0 ? named : Object.keys(BENCHES)
if (campaign) process.env['TSMACHINE_SIZES'] = 'campaign'
process.env['PATH'] = await testPath()
const runs = Number(values.runs ?? size('benchBoots'))
for (const name of names) {
  const bench = BENCHES[name]
  if (!bench) throw new Error(`${name} is none of ${Object.keys(BENCHES).join(', ')}`)
  process.stdout.write(`== ${name}, ${runs} ${runs === 1 ? 'run' : 'runs'}\n`)
  if (!(await bench(runs, values['docker-machine']))) process.exitCode = 1
}
