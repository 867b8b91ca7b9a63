import t from 'tap'
import type { DriverEvent } from '../../../../src/contracts/driver.js'
import { LogEvents } from '../../../../src/drivers/plugin/log-events.js'

async function collect(
  events: AsyncGenerator<DriverEvent, unknown>,
): Promise<{ lines: string[]; result: unknown }> {
  const lines: string[] = []
  for (;;) {
    const step = await events.next()
    if (step.done) return { lines, result: step.value }
    if (step.value.type === 'log') lines.push(step.value.text)
  }
}

t.test('lines come while the work goes on, and none is lost at its end', async (t) => {
  const logs = new LogEvents()
  logs.push('info', 'before')
  const { promise, resolve } = deferred<string>()
  const collected = collect(logs.during(promise))
  await tick()
  logs.push('info', 'meanwhile')
  await tick()
  logs.push('debug', 'last')
  resolve('done')
  t.same(await collected, { lines: ['before', 'meanwhile', 'last'], result: 'done' })
})

t.test('a failure comes after the lines before it', async (t) => {
  const logs = new LogEvents()
  const { promise, reject } = deferred<string>()
  const events = logs.during(promise)
  logs.push('info', 'on the way')
  reject(new Error('it broke'))
  t.match(await events.next(), { value: { text: 'on the way' } })
  await t.rejects(events.next(), /it broke/)
})

t.test('a flood that nobody reads is bounded, and what there was no room for is counted', async (t) => {
  const logs = new LogEvents()
  for (let line = 0; line < 5_000; line++) logs.push('info', `${line}`)
  const { lines } = await collect(logs.during(Promise.resolve()))
  t.equal(lines.length, 1_001)
  t.same(lines.slice(-2), ['999', '4000 more lines of the plugin are not shown'])
  logs.push('info', 'after it')
  t.match(logs.rest(), [{ text: 'after it' }], 'and told once')
  t.same(logs.rest(), [])
})

async function tick(): Promise<void> {
  await new Promise(setImmediate)
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let [resolve, reject] = [(_value: T): void => undefined, (_error: Error): void => undefined]
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]))
  return { promise, resolve: (value) => resolve(value), reject: (error) => reject(error) }
}
