import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as v from 'valibot'
import type { Bench, BenchResult } from '../../../bench/result.js'
import { runAll } from '../../../bench/run.js'

/** `bench/results.json`, as docs/performance.md says. */
const numbers = v.array(v.number())
const result = v.strictObject({
  measurements: v.array(
    v.strictObject({ name: v.string(), unit: v.picklist(['ms', 'MB', 'calls', 'bytes']), values: numbers }),
  ),
  ratios: v.array(v.strictObject({ name: v.string(), value: v.number(), budget: v.optional(v.number()) })),
  curves: v.optional(
    v.array(v.strictObject({ name: v.string(), unit: v.picklist(['ms', 'MB']), points: v.array(numbers) })),
  ),
  timelines: v.optional(
    v.array(
      v.strictObject({
        name: v.string(),
        parts: v.array(v.strictObject({ text: v.string(), ms: v.number(), startMs: v.optional(v.number()) })),
      }),
    ),
  ),
  notes: v.array(v.string()),
})
const comparison = v.strictObject({
  name: v.string(),
  date: v.pipe(v.string(), v.isoTimestamp()),
  runs: v.number(),
  ms: v.number(),
  load: v.strictTuple([v.number(), v.number()]),
  result: v.optional(result),
  error: v.optional(v.string()),
})
const RESULTS = v.strictObject({
  schema: v.literal(1),
  version: v.string(),
  date: v.pipe(v.string(), v.isoTimestamp()),
  computer: v.strictObject({
    platform: v.string(),
    arch: v.string(),
    cpu: v.string(),
    cores: v.number(),
    memoryMb: v.number(),
    node: v.string(),
    accelerator: v.string(),
  }),
  dockerMachine: v.boolean(),
  comparisons: v.array(comparison),
})

const HEAD = {
  schema: 1,
  version: '1.2.3',
  date: '2026-01-02T03:04:05.000Z',
  computer: {
    platform: 'linux',
    arch: 'x64',
    cpu: '',
    cores: 2,
    memoryMb: 4096,
    node: 'v20',
    accelerator: 'tcg',
  },
  dockerMachine: false,
}
const GOOD: BenchResult = {
  measurements: [{ name: 'a', unit: 'ms', values: [1, 2] }],
  ratios: [
    { name: 'a by b', value: 0.5, budget: 0.5 },
    { name: 'told', value: 9 },
  ],
  curves: [
    {
      name: 'c',
      unit: 'MB',
      points: [
        [1, 2],
        [10, 20],
      ],
    },
  ],
  timelines: [
    {
      name: 'd',
      parts: [
        { text: 'e', ms: 1, startMs: 2 },
        { text: 'f', ms: 1 },
      ],
    },
  ],
  notes: ['g'],
}
const good: Bench = async () => GOOD
const slow: Bench = async () => ({ ...GOOD, ratios: [{ name: 'a by b', value: 0.51, budget: 0.5 }] })
const broken: Bench = () => Promise.reject(new Error('no disk'))

/** Runs these in a folder; what was printed, what was written. */
async function run(dir: string, benches: Readonly<Record<string, Bench>>) {
  let printed = ''
  const isGood = await runAll({
    benches: Object.entries(benches).map(([name, bench]) => ({ name, bench, runs: 2 })),
    head: HEAD,
    dir,
    print: (text) => (printed += text),
  })
  const written = v.parse(RESULTS, JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8')))
  return { isGood, printed, written }
}

t.test('what was measured is kept whole, with the computer and the load', async (t) => {
  const { isGood, printed, written } = await run(t.testdir(), { good })
  t.ok(isGood)
  t.match(printed, /== good, 2 runs/)
  t.strictSame(written.comparisons[0]?.result, GOOD)
  t.match(written, { ...HEAD, comparisons: [{ name: 'good', runs: 2 }] })
})

t.test('a run of some replaces the files of an earlier run', async (t) => {
  const dir = t.testdir()
  await run(dir, { good, other: good })
  const { written } = await run(dir, { bare: async () => ({ measurements: [], ratios: [], notes: [] }) })
  t.strictSame(
    written.comparisons.map(({ name }) => name),
    ['bare'],
  )
  t.notOk(existsSync(join(dir, 'results.svg')), 'a plot of the earlier run is gone')
})

t.test('an exceeded budget fails the run', async (t) => {
  const { isGood, printed } = await run(t.testdir(), { slow, good })
  t.notOk(isGood)
  t.match(printed, 'budget 0.50: EXCEEDED')
})

t.test('a comparison that fails is told and fails the run, and the next ones are made', async (t) => {
  const { isGood, printed, written } = await run(t.testdir(), { broken, good })
  t.notOk(isGood)
  t.match(printed, 'failed: no disk')
  t.match(written.comparisons, [
    { name: 'broken', error: 'no disk' },
    { name: 'good', result: GOOD },
  ])
})
