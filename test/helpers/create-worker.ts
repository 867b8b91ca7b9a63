/**
 * Creates a machine in a process of its own, for tests that need two at once or one killed. Called with one JSON word;
 * its outcome goes to stdout as one JSON line.
 */
import { isMachineError, MachineError } from '../../src/contracts/errors.js'
import { createMachine, resumeCreate } from '../../src/machine/create.js'
import { Store } from '../../src/store/store.js'
import { countedOps } from './file-ops.js'
import { bareFactory, fakeFlags, type Hosting, hostedFactory } from './hosted-driver.js'
import { machineContext } from './machine-context.js'
import { machineOptions } from './records.js'

export interface CreateTask {
  readonly dir: string
  readonly provider: string
  readonly hosting?: Hosting
  readonly resume?: boolean
  /** Dies as by kill -9 once this many ledgers are written: at once, or only when it wants to write the next one. */
  readonly dieAfter?: number
  readonly dieLate?: boolean
  /** Only takes the lock of a create and does not end for SIGTERM. */
  readonly stubborn?: boolean
}

const task = JSON.parse(process.argv[2] ?? '{}') as CreateTask
const abort = new AbortController()
const NAME = 'web'

/** The nth rename of a ledger is a written ledger; what follows it is the next file operation. */
function dyingOps() {
  let written = 0
  return countedOps((_count, operation, path) => {
    const isLedger = operation === 'rename' && /tsmachine\.json\./.test(path)
    const due = written === task.dieAfter && (task.dieLate ? isLedger : true)
    if (due) process.kill(process.pid, 'SIGKILL')
    if (isLedger) written++
  }).ops
}

const fake = task.hosting ? hostedFactory(task.hosting) : bareFactory
const base = machineContext({
  dir: task.dir,
  env: { HOME: task.dir },
  factories: { fake },
  signal: abort.signal,
})
const ctx =
  task.dieAfter === undefined ? base : { ...base, store: new Store(base.store.root, { files: dyingOps() }) }

async function beStubborn(): Promise<unknown> {
  await ctx.store.lock(NAME, `create ${NAME}`)
  process.stdout.write('locked\n')
  return await new Promise((resolve) => setTimeout(resolve, 60_000))
}

process.on('SIGTERM', () => {
  if (!task.stubborn) abort.abort(new MachineError('cancelled', 'Interrupted', { exitCode: 143 }))
})

async function work(): Promise<unknown> {
  if (task.stubborn) return await beStubborn()
  if (task.resume) return await resumeCreate(ctx, NAME)
  return await createMachine(ctx, {
    name: NAME,
    driver: 'fake',
    flagValues: fakeFlags(task.provider),
    options: machineOptions(),
  })
}

try {
  process.stdout.write(`${JSON.stringify(await work())}\n`)
} catch (error) {
  if (!isMachineError(error)) throw error
  const { code, message, hints, stage } = error
  process.stdout.write(`${JSON.stringify({ code, message, hints, stage })}\n`)
  process.exitCode = error.exitCode
}
