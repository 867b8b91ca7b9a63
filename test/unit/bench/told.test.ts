import t from 'tap'
import { plot } from '../../../bench/plot.js'
import { printComparison, printHead } from '../../../bench/print.js'
import type { Comparison } from '../../../bench/record.js'

const BOOT: Comparison = {
  name: 'boot',
  date: '2026-01-02T03:04:05.000Z',
  runs: 3,
  ms: 61_000,
  load: [0.5, 1.25],
  result: {
    measurements: [
      { name: 'ours', unit: 'ms', values: [3_000, 1_000, 2_000] },
      { name: 'stock machine', unit: 'ms', values: [20_000] },
    ],
    ratios: [
      { name: 'create by stock', value: 0.1, budget: 0.6 },
      { name: 'start by create', value: 0.9, budget: 0.8 },
      { name: 'told', value: 7 },
    ],
    timelines: [
      {
        name: 'create',
        parts: [
          { text: 'make & boot', ms: 600, startMs: 0 },
          { text: 'identity', ms: 400, startMs: 300 },
          { text: 'engine', ms: 1_300, startMs: 700 },
        ],
      },
    ],
    notes: ['both are emulated'],
  },
}

const LS: Comparison = {
  ...BOOT,
  name: 'ls',
  result: {
    measurements: [],
    ratios: [],
    notes: [],
    curves: [
      {
        name: 'tsmachine ls',
        unit: 'ms',
        points: [
          [1, 40],
          [100, 90],
          [2_000, 700],
        ],
      },
      {
        name: 'docker-machine ls',
        unit: 'ms',
        points: [
          [1, 60],
          [100, 1_250],
        ],
      },
      {
        name: 'memory <peak>',
        unit: 'MB',
        points: [
          [1, 50],
          [2_000, 110],
        ],
      },
    ],
  },
}

t.test('medians, spread, ratios with their budgets, load and notes are printed', async (t) => {
  const text = printComparison(BOOT)
  t.match(text, '== boot, 3 runs, took 61.0 s, load 0.50 before, 1.25 after\n')
  t.match(text, 'ours           2000 ms  1000 ms .. 3000 ms (all of 3)\n')
  t.match(text, 'stock machine   20.0 s\n')
  t.match(text, 'ratio create by stock  0.10  budget 0.60: kept\n')
  t.match(text, 'ratio start by create  0.90  budget 0.80: EXCEEDED\n')
  t.match(text, /^ratio told +7\.00$/m)
  t.match(text, /^ {2}identity +400 ms {2}from 300 ms$/m)
  t.match(text, 'note: both are emulated\n')
  t.match(printComparison(LS), /^ {2}2000 +700 ms$/m)
  const { result: _none, ...failed } = BOOT
  t.match(printComparison({ ...failed, error: 'no disk' }), 'failed: no disk\n')
})

t.test('the computer is told, and whether docker-machine is compared with', async (t) => {
  const computer = {
    platform: 'linux',
    arch: 'x64',
    cpu: 'C',
    cores: 2,
    memoryMb: 4096,
    node: 'v20',
    accelerator: 'tcg',
  }
  const head = { schema: 1, version: '1.2.3', date: BOOT.date, computer }
  t.match(printHead({ ...head, dockerMachine: false }), 'docker-machine is not compared with')
  const text = printHead({ ...head, dockerMachine: true })
  t.match(text, 'tsmachine 1.2.3, Node v20, linux x64, 2 cores (C), 4096 MB, accelerator tcg\n')
  t.match(text, 'docker-machine is compared with\n')
})

/** What is not well-formed: an element that nobody ends, or a bare sign in a text. */
function faultOf(xml: string): string | undefined {
  const open: string[] = []
  const texts = xml.replace(
    /<(\/?)(\w+)((?: [\w-]+="[^"<&]*")*)(\/?)>/g,
    (_all, end, name: string, _words, empty) => {
      if (end === '/' && open.pop() !== name) open.push(`/${name}`)
      if (end === '' && empty === '') open.push(name)
      return ''
    },
  )
  return open[0] ?? /<|>|&(?!#\d+;)/.exec(texts)?.[0]
}

t.test('the plot is sound XML and holds every label', async (t) => {
  const svg = plot(BOOT.date, [BOOT, LS]) ?? ''
  t.strictSame(faultOf(svg), undefined)
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, content]) => content)
  for (const label of [
    'boot: where the time goes (2026-01-02T03:04:05.000Z)',
    'create',
    'make &#38; boot',
    'identity',
    '1300 ms',
    'milliseconds since the start',
    'tsmachine ls',
    'docker-machine ls',
    'memory &#60;peak&#62;',
    'count',
    '1000',
    '100 ms',
    '100 MB',
  ])
    t.ok(texts.includes(label), label)
  t.match(svg, 'prefers-color-scheme:dark')
  t.notMatch(svg, /NaN|Infinity|undefined/)
  t.equal(plot(BOOT.date, []), undefined, 'nothing to draw')
})

t.test('parts that overlap begin where they began, one below the other', async (t) => {
  const svg = plot(BOOT.date, [BOOT]) ?? ''
  const bars = [...svg.matchAll(/<rect class="s0" x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)].map((found) =>
    found.slice(1).map(Number),
  )
  const [first, second, third] = bars
  t.equal(bars.length, 3)
  const scale = (first?.[2] ?? 0) / 600
  t.equal(Math.round(((second?.[0] ?? 0) - (first?.[0] ?? 0)) / scale), 300)
  t.equal(Math.round(((third?.[0] ?? 0) - (first?.[0] ?? 0)) / scale), 700)
  t.ok((first?.[1] ?? 0) < (second?.[1] ?? 0))
})

t.test('ten times the count and ten times the cost are as far apart on both axes', async (t) => {
  const curve = {
    name: 'linear',
    unit: 'ms' as const,
    points: [
      [1, 10],
      [10, 100],
      [100, 1_000],
    ] as const,
  }
  const svg =
    plot('', [{ ...LS, result: { measurements: [], ratios: [], notes: [], curves: [curve] } }]) ?? ''
  const dots = [...svg.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g)].map((found) => found.slice(1).map(Number))
  const steps = [1, 2].map((index) =>
    [0, 1].map((axis) => (dots[index]?.[axis] ?? 0) - (dots[index - 1]?.[axis] ?? 0)),
  )
  t.equal(dots.length, 3)
  for (const axis of [0, 1]) t.ok(Math.abs((steps[0]?.[axis] ?? 0) - (steps[1]?.[axis] ?? 1)) < 0.1)
  t.ok((steps[0]?.[0] ?? 0) > 0, 'more is to the right')
  t.ok((steps[0]?.[1] ?? 0) < 0, 'slower is further up')
})
