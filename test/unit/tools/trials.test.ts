import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Trial, trials } from '../../helpers/trials.js'

/** What a run of trials told, without a test that fails here. */
function teller(): {
  readonly told: string[]
  comment(text: string): void
  fail(text: string): void
  pass(text: string): void
} {
  const told: string[] = []
  const tell = (kind: string) => (text: string) => void told.push(`${kind} ${text}`)
  return { told, comment: tell('#'), fail: tell('not ok'), pass: tell('ok') }
}

function settings(t: Test, values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name]
    process.env[name] = value
    t.teardown(() => {
      if (before === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before
    })
  }
}

t.test('a case that is not survived is a failure that names its seed', async (t) => {
  settings(t, { TSMACHINE_SEED: '100' })
  const { told, ...rest } = teller()
  const lost = Object.assign(new Error('lost'), { stack: 'lost' })
  const tally = await trials(rest, 'kills', 3, ({ index }) =>
    index === 1 ? Promise.reject(lost) : Promise.resolve(),
  )
  t.strictSame(tally, { name: 'kills', tried: 3, survived: 2, firstSeed: 100 })
  t.strictSame(told, [
    'ok kills 0',
    '# lost',
    'not ok kills: again with TSMACHINE_SEED=101 TSMACHINE_TRIALS=1',
    'ok kills 2',
    '# kills: 3 tried, 2 survived (seed 100)',
  ])
})

t.test('a seed makes the same case again', async (t) => {
  const draw = async (seed: string, count: string): Promise<number[]> => {
    settings(t, { TSMACHINE_SEED: seed, TSMACHINE_TRIALS: count })
    const drawn: number[] = []
    await trials(teller(), 'draw', 9, ({ next }: Trial) => Promise.resolve(void drawn.push(next(1_000_000))))
    return drawn
  }
  const all = await draw('7', '5')
  t.equal(new Set(all).size, 5)
  t.strictSame(await draw('10', '1'), all.slice(3, 4))
})

t.test('a few at once are tried once each, and counted in the file of the run', async (t) => {
  const path = join(t.testdir({ tallies: '' }), 'tallies')
  settings(t, { TSMACHINE_TALLY: path, TSMACHINE_SEED: '1' })
  const seen: number[] = []
  const one = async ({ index }: Trial): Promise<void> => {
    await Promise.resolve()
    seen.push(index)
  }
  await trials(teller(), 'many', 10, one, { atOnce: 3 })
  t.strictSame(
    seen.sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  t.strictSame(JSON.parse(readFileSync(path, 'utf8')), {
    name: 'many',
    tried: 10,
    survived: 10,
    firstSeed: 1,
  })
})
