/**
 * A process of its own that suspends or starts a machine of the qemu driver and may die, or let QEMU die, at a chosen file
 * operation. Called with one JSON word; events go to stdout as JSON lines, a failure as its last line.
 */
import fs, { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
import type { DriverEvent, DriverMachine } from '../../src/contracts/driver.js'
import { isMachineError, messageOf } from '../../src/contracts/errors.js'
import { NEVER } from './never.js'

export interface Task {
  readonly verb: 'suspend' | 'start'
  readonly scratch: string
  readonly machine: DriverMachine
  /** The operation on a file of this name, or the event of this kind, at which somebody dies. */
  readonly at?: {
    readonly what: 'open' | 'rename' | 'event'
    readonly name: string
    readonly after?: boolean
  }
  /** Who: this process when absent. */
  readonly victim?: number
  /** What the file system says is free. */
  readonly freeBytes?: number
}

const task = JSON.parse(process.argv[2] ?? '') as Task

function strike(what: string, path: string, after: boolean): void {
  const { at, victim } = task
  if (at?.what !== what || at.name !== path || (at.after ?? false) !== after) return
  process.kill(victim ?? process.pid, 'SIGKILL')
  // A signal to oneself is delivered with the next turn of the kernel: nothing of ours may run before.
  if (victim === undefined) for (;;);
}

const { open, rename, statfs } = fs.promises
fs.promises.open = async (path, ...rest) => {
  strike('open', basename(String(path)), false)
  return await open(path, ...rest)
}
fs.promises.rename = async (from, to) => {
  strike('rename', basename(String(to)), false)
  await rename(from, to)
  strike('rename', basename(String(to)), true)
}
if (task.freeBytes !== undefined) {
  const { freeBytes } = task
  fs.promises.statfs = (async (path: string) => ({
    ...(await statfs(path)),
    bsize: 1,
    bavail: freeBytes,
  })) as typeof statfs
}
syncBuiltinESMExports()

const say = (line: unknown): number => writeSync(1, `${JSON.stringify(line)}\n`)

async function work(): Promise<void> {
  // Only now: they take the file operations as they find them.
  const { driverDeps } = await import('./driver-deps.js')
  const { factory } = await import('../../src/drivers/qemu/index.js')
  const driver = await factory.open(driverDeps(task.scratch))
  const { machine, verb } = task
  const events: AsyncIterable<DriverEvent> | undefined =
    verb === 'suspend' ? driver.suspend?.(machine, NEVER) : driver.start?.(machine, undefined, NEVER)
  for await (const event of events ?? []) {
    say(event)
    if (event.type === 'made' || event.type === 'intent')
      strike('event', `${event.type} ${event.resource.kind}`, false)
  }
}

await work().catch((error: unknown) =>
  say({
    type: 'failed',
    message: messageOf(error),
    hints: isMachineError(error) ? error.hints : [],
  }),
)
