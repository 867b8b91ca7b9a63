/** A driver's process that ends, hangs or says nothing at any moment. */
import t, { type Test } from 'tap'
import type { DriverDeps } from '../../../../src/contracts/driver.js'
import { describeInProcess, factoryFromProcess } from '../../../../src/drivers/process/adapter.js'
import { type ChildProgram, DriverChild } from '../../../../src/drivers/process/child.js'
import { Conversation } from '../../../../src/drivers/process/conversation.js'
import { withDeadline } from '../../../../src/util/wait.js'
import { driverDeps, scratchDir } from '../../../helpers/driver-deps.js'
import { NEVER } from '../../../helpers/never.js'

const SOON_MS = 20_000
const DEADLINES = { callMs: 60_000, eventMs: 60_000, abortMs: 60_000, onceMs: 60_000 }

/** A script of `sh`; what runs of it in the end is killed. */
function script(t: Test, text: string): ChildProgram {
  return {
    name: 'odd',
    program: '/bin/sh',
    args: ['-c', text],
    env: { PATH: process.env['PATH'] ?? '' },
    onStart: (pid) => t.teardown(() => endIfThere(pid)),
  }
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

async function soon<T>(work: Promise<T>): Promise<T> {
  return await withDeadline('the end of it', SOON_MS, () => work)
}

function deps(t: Test): DriverDeps {
  return driverDeps(scratchDir(t))
}

t.test('a process that has ended is known to, although what it started holds its pipes', async (t) => {
  const program = script(t, 'sleep 60 & echo $! >&2; exit 7')
  const child = new DriverChild(program, () => Promise.resolve(undefined))
  const asked = child.ask({ id: child.newId(), call: 'states', args: [] })
  await t.rejects(soon(asked), { code: 'driver', message: /ended with status 7/ })
  endIfThere(Number(child.stderr.trim()))
})

t.test('an abort is heard while the process is silent at its start', async (t) => {
  const talk = new Conversation(script(t, 'exec sleep 60'), DEADLINES, deps(t))
  const stop = new AbortController()
  const call = talk.call('states', [[]], stop.signal)
  const stream = talk.stream('create', [{}], stop.signal).next()
  stop.abort(new Error('Ctrl-C'))
  await t.rejects(soon(call), { message: 'Ctrl-C' })
  await t.rejects(soon(stream), { message: 'Ctrl-C' })
})

t.test('a process that will not end is not waited for where an answer is wanted at once', async (t) => {
  const child = { ...script(t, "trap '' TERM; exec sleep 30"), deadlines: { onceMs: 200 } }
  const began = performance.now()
  t.throws(() => describeInProcess(child), { code: 'driver', evidence: /ETIMEDOUT/ })
  t.ok(performance.now() - began < SOON_MS, 'it was ended at its deadline')
})

/** Answers each call at once, and each event of a stream after a while. */
const SLOW_EVENTS = `
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, call, next } = JSON.parse(line)
  const say = (message) => console.log(JSON.stringify({ id, ...message }))
  if (call) say({ value: call === 'open' ? ['console'] : null })
  else if (next) setTimeout(() => say(ends++ ? { done: true } : { value: 'a line' }), 400)
})
let ends = 0`

t.test('a console that is followed may be silent for longer than other streams', async (t) => {
  const description = { name: 'odd', summary: '', flags: [], has: [], capabilities: {} as never }
  const program = { ...script(t, ''), program: process.execPath, args: ['-e', SLOW_EVENTS] }
  const child = { ...program, deadlines: { eventMs: 100 } }
  const driver = await factoryFromProcess(child, description).open(deps(t))
  const read = async (follow: boolean): Promise<string[]> => {
    const lines: string[] = []
    for await (const line of driver.console?.({} as never, { follow, signal: NEVER }) ?? []) lines.push(line)
    return lines
  }
  t.strictSame(await soon(read(true)), ['a line'])
  await t.rejects(soon(read(false)), { code: 'timeout' })
})
