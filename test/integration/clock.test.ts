/** The wall clock of this computer leaps by years, while waits of every kind go on: they end when they should. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { acquireLock } from '../../src/util/locks.js'
import { scratchDir } from '../helpers/driver-deps.js'

const HOOK = fileURLToPath(new URL('../helpers/leaping-clock.cjs', import.meta.url))
const WORKER = fileURLToPath(new URL('../helpers/wait-worker.ts', import.meta.url))

interface Wait {
  readonly name: string
  readonly end: string
  readonly ms: number
}

/** How each of them ends; all are given 300 ms. */
const ENDS: Readonly<Record<string, RegExp>> = {
  'waitFor, in vain': /^timeout$/,
  'waitFor, a probe that hangs': /^timeout$/,
  'waitFor, fulfilled': /^done$/,
  retry: /^timeout$/,
  withDeadline: /^timeout$/,
  SharedDeadline: /^timeout$/,
  'a sleep': /^done$/,
  repeat: /^done$/,
  'a lock that somebody has': /^locked$/,
  'an engine that is silent': /^engine$/,
}

async function run(words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  await once(child, 'close')
  return out
}

t.test('waits end on time while the clock leaps by years, forward and back', async (t) => {
  const lockPath = join(scratchDir(t), 'lock')
  const lock = await acquireLock(lockPath, { what: 'test' })
  t.teardown(() => lock.release())
  const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => void silent.close())
  const { port } = silent.address() as AddressInfo
  const out = await run(['--require', HOOK, '--import', 'tsx', WORKER, lockPath, String(port)])
  const waits = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Wait)
  t.same(
    waits.map(({ name }) => name),
    Object.keys(ENDS),
  )
  for (const { name, end, ms } of waits) {
    t.match(end, ENDS[name], name)
    // The upper bound is for a busy computer: a leap is of years.
    t.ok(ms > 200 && ms < 20_000, `${name}: ${Math.round(ms)} ms`)
  }
})

t.test('the clock of that test does leap, or it would prove nothing', async (t) => {
  const code =
    'setInterval(() => console.log(new Date().getFullYear()), 5); setTimeout(() => process.exit(), 400)'
  const years = new Set((await run(['--require', HOOK, '-e', code])).trim().split('\n'))
  t.ok(years.size >= 3, [...years].join(' '))
})
