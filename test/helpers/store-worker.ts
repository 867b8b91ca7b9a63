/**
 * A process of its own that works on a store, for tests that need many or need one killed. Called with one JSON word;
 * what it has to say goes to stdout as JSON lines.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMachineError } from '../../src/contracts/errors.js'
import { Store } from '../../src/store/store.js'
import { type FileOps, realFileOps } from '../../src/util/atomic-file.js'
import { withLock } from '../../src/util/locks.js'
import { killingOps } from './file-ops.js'
import { firstFiles, testMapping, withIp } from './records.js'

export interface Task {
  readonly action: keyof typeof ACTIONS
  readonly root: string
  readonly name: string
  readonly ip?: string
  /** File operation before which the process dies. */
  readonly killAt?: number
  readonly times?: number
}

const ACTIONS = {
  create: (task: Task) => storeOf(task).create(task.name, firstFiles(task.root, task.name, task.ip)),
  update: (task: Task) => storeOf(task).update(task.name, testMapping, withIp(task.ip ?? '')),
  remove: (task: Task) => storeOf(task).remove(task.name),
  tombstone: (task: Task) => storeOf(task).tombstone(task.name),
  updateOften,
  readOften,
  countUnderLock,
  lockAndDie,
}

function storeOf({ root, killAt }: Task): Store {
  const files: FileOps = killAt === undefined ? realFileOps : killingOps(killAt).ops
  return new Store(root, { files })
}

async function updateOften(task: Task): Promise<void> {
  const store = storeOf(task)
  for (let round = 1; round <= (task.times ?? 1); round++)
    await store.update(task.name, testMapping, (ledger) => withIp(`10.0.0.${ledger.generation + 1}`)(ledger))
}

/** Reads as fast as it can until a file `stop` appears; counts what no reader may ever see. */
function readOften({ root, name }: Task): void {
  const store = new Store(root)
  const seen = { reads: 0, broken: 0, foreign: 0, torn: 0, backwards: 0, generations: 0 }
  let last = -1
  while (!existsSync(join(root, 'stop')) || seen.reads === 0) {
    const record = store.read(name)
    seen.reads++
    if ('error' in record || !record.ledger) {
      seen.broken++
      continue
    }
    const { generation, driver } = record.ledger
    if (record.foreign) seen.foreign++
    if (driver.config['ip'] !== record.config.Driver['IPAddress']) seen.torn++
    if (generation < last) seen.backwards++
    if (generation !== last) seen.generations++
    last = generation
  }
  say(seen)
}

/** The plain read-add-write that goes wrong as soon as two are in at once. */
async function countUnderLock({ root, times }: Task): Promise<void> {
  const file = join(root, 'count')
  for (let round = 0; round < (times ?? 1); round++)
    await withLock(join(root, 'count.lock'), { what: 'count', waitMs: 120_000 }, async () => {
      const before = Number(readFileSync(file, 'utf8'))
      await new Promise((resolve) => setImmediate(resolve))
      writeFileSync(file, String(before + 1))
    })
}

/** Leaves a lock behind as kill -9 does. */
async function lockAndDie({ root }: Task): Promise<void> {
  await withLock(join(root, 'count.lock'), { what: 'die' }, async () => {
    process.kill(process.pid, 'SIGKILL')
    await new Promise(() => undefined)
  })
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task
try {
  await ACTIONS[task.action](task)
  say({ done: task.action })
} catch (error) {
  if (!isMachineError(error)) throw error
  say({ code: error.code, message: error.message, hints: error.hints })
  process.exitCode = error.exitCode
}
