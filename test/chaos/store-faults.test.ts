/** Each write path of ours on a file system that fails at its n-th operation: old or new content, never neither. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { messageOf, toMachineError } from '../../src/contracts/errors.js'
import { withLock } from '../../src/util/locks.js'
import { type Change, HalfDone } from '../helpers/file-changes.js'
import { watchingFiles } from '../helpers/faulty-fs.js'
import { cutPower, type Loss, LOSSES } from '../helpers/power-cut.js'
import { type Trial, trials } from '../helpers/trials.js'
import { type Seen, WRITE_PATHS } from '../helpers/write-paths.js'
import { Bench, type Rehearsal } from '../helpers/write-paths/bench.js'
import { NOT_ON_A_PATH, writers } from '../helpers/write-paths/writers.js'
import { noRest } from '../helpers/write-paths/rest.js'
import { size } from '../sizes.js'

const bench = new Bench()
t.teardown(() => bench.close())

t.setTimeout(900_000)

interface Fault {
  readonly code: string
  /** The operation says so after half of its work, or after all of it: an answer of a file server's was lost. */
  readonly after?: 'half' | 'all'
  /** Operations that it happens to; all when absent. */
  readonly of?: readonly string[]
}

const FAULTS: readonly Fault[] = [
  { code: 'ENOSPC' },
  { code: 'EIO' },
  { code: 'EROFS' },
  { code: 'EDQUOT' },
  { code: 'ENOSPC', after: 'half', of: ['write', 'remove'] },
  { code: 'ENOENT', after: 'all', of: ['rename'] },
  { code: 'EEXIST', after: 'all', of: ['link'] },
]

interface Case {
  readonly rehearsal: Rehearsal
  readonly at: number
  readonly operation: string
  readonly fault: Fault
  /** Whether the file system goes on failing: then nothing can be cleared away. */
  readonly stays: boolean
}

/** Runs all paths once without a fault. */
async function rehearse(t: Test): Promise<readonly Rehearsal[]> {
  const done: Rehearsal[] = []
  for (const path of WRITE_PATHS) {
    const rehearsal = await bench.rehearse(path)
    t.equal(rehearsal.seen, 'new', `${path.name}: ${rehearsal.changes.length} operations`)
    t.strictSame(noRest(rehearsal.dir), [], `${path.name} leaves nothing beside`)
    done.push(rehearsal)
  }
  return done
}

function failing({ at, fault, stays }: Case): (change: Change) => void {
  let count = 0
  return ({ name, path }) => {
    count++
    if (count !== at && !(stays && count > at)) return
    // What runs side by side may come in another order than in the rehearsal.
    if (fault.of && !fault.of.includes(name) && count === at) return
    const { code } = fault
    if (fault.after && count === at) throw new HalfDone(code, name, path)
    throw Object.assign(new Error(`${code}: injected, ${name} '${path}'`), { code, syscall: name, path })
  }
}

async function survive(one: Case): Promise<void> {
  const { path, dir } = one.rehearsal
  bench.restore(one.rehearsal)
  const attempt = (): Promise<unknown> =>
    watchingFiles([dir], { before: failing(one) }, () => path.act(dir)).then(
      () => undefined,
      (error: unknown) => error,
    )
  const failure = await attempt()
  const seen = await path.look(dir)
  if (failure === undefined) {
    if (seen !== 'new') throw new Error('it said that all is well, and it is not')
  } else checkError(failure, dir)
  if (!mayLeave(one)) await checkRest(dir, seen, path.keeps)
  if (seen === 'old')
    await path.act(dir).catch((error: unknown) => {
      throw new Error('it cannot be repeated', { cause: error })
    })
  if ((await path.look(dir)) !== 'new') throw new Error('repeated, it is not as wanted')
  if (!mayLeave(one)) await checkRest(dir, seen === 'new' ? 'new' : 'old')
}

/** A lock that could not be ended is taken by the next who wants it; the text that a record is to have stays until then. */
async function checkRest(dir: string, seen: Seen, keeps?: RegExp): Promise<void> {
  for (const path of noRest(dir).filter((each) => /\.(lock|writing)$/.test(each)))
    await withLock(join(dir, path), { what: 'test', waitMs: 0 }, () => Promise.resolve())
  const rest = noRest(dir).filter(
    (each) => !(seen === 'new' && each.endsWith('.config.json.next')) && keeps?.test(each) !== true,
  )
  if (rest.length > 0) throw new Error(`left: ${rest.join(', ')}`)
}

/** Where the file system refuses to clear away. */
const mayLeave = ({ stays, operation }: Case): boolean => stays || operation === 'remove'

function checkError(error: unknown, dir: string): void {
  const told = toMachineError(error)
  if (told.code === 'bug') throw new Error('it is called a bug', { cause: error })
  if (!told.message.includes(dir)) throw new Error(`it names no file: ${told.message}`, { cause: error })
  if (told.hints.length === 0) throw new Error(`it says not what to do: ${told.message}`)
}

/** Which case it was, in front of what went wrong. */
async function told(what: string, outcome: Promise<unknown>): Promise<void> {
  await outcome.catch((cause: unknown) => {
    throw new Error(`${what}: ${story(cause)}`, { cause })
  })
}

t.test('write paths', async (t) => {
  const rehearsals = await rehearse(t)
  await t.test(
    'every module that writes files is on a write path, or is listed with the reason',
    async (t) => {
      const seen = new Set(rehearsals.flatMap(({ modules }) => [...modules]))
      t.strictSame(
        writers().filter((path) => !seen.has(path)),
        Object.keys(NOT_ON_A_PATH).sort(),
      )
    },
  )
  await t.test(
    'a file system that fails at the n-th operation leaves old or new, and says why',
    async (t) => {
      const cases = rehearsals.flatMap(faultsOf)
      t.comment(`${cases.length} cases of ${WRITE_PATHS.length} write paths`)
      const most = Math.min(cases.length, size('storeFaults'))
      await trials(t, 'faults of the file system', most, async (trial) => {
        const one = chosen(cases, trial)
        const { code, after } = one.fault
        const when = `${after ? ` after ${after}` : ''}${one.stays ? ' from' : ' at'} operation ${one.at}`
        await told(`${one.rehearsal.path.name}: ${code}${when} (${one.operation})`, survive(one))
      })
    },
  )
  await t.test(
    'a power cut after the n-th operation leaves old or new, and new once it is done',
    async (t) => {
      const cases = rehearsals.flatMap(cutsOf)
      t.comment(`${cases.length} cases of ${WRITE_PATHS.length} write paths`)
      const most = Math.min(cases.length, size('storePower'))
      await trials(t, 'power cuts of the store', most, async (trial) => {
        const one = chosen(cases, trial)
        const when = `power cut after operation ${one.at}, lost: ${one.loss}`
        await told(`${one.rehearsal.path.name}: ${when}`, outlive(one, trial))
      })
    },
  )
})

function faultsOf(rehearsal: Rehearsal): readonly Case[] {
  return rehearsal.changes.flatMap(({ name: operation }, index) =>
    FAULTS.filter(({ of }) => of?.includes(operation) ?? true).flatMap((fault) =>
      (fault.after === 'all' ? [false] : [false, true]).map((stays): Case => ({
        rehearsal,
        at: index + 1,
        operation,
        fault,
        stays,
      })),
    ),
  )
}

interface CutCase {
  readonly rehearsal: Rehearsal
  readonly at: number
  readonly loss: Loss
}

function cutsOf(rehearsal: Rehearsal): readonly CutCase[] {
  const { changes } = rehearsal.power
  return Array.from({ length: changes + 1 }, (_, at) =>
    LOSSES.map((loss) => ({ rehearsal, at, loss })),
  ).flat()
}

/** All that is known of a failure: a comment has one line. */
function story(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? ` (${story(error.cause)})` : ''
  return `${messageOf(error)}${cause}`
}

/** A prime walks through all of them, evenly, whatever their number is. */
function chosen<T>(cases: readonly T[], { seed }: Trial): T {
  return cases[(seed * 7_919) % cases.length] as T
}

/** What the next command finds, and that it can do what was cut off. */
async function outlive({ rehearsal, at, loss }: CutCase, { next }: Trial): Promise<void> {
  const { path, dir, power } = rehearsal
  cutPower(power, { at, loss, next })
  const seen = await path.look(dir)
  if (seen === 'new') return
  if (at === power.changes && !path.forgiving) throw new Error('it was done, and is lost')
  await path.act(dir).catch((error: unknown) => {
    throw new Error('it cannot be repeated', { cause: error })
  })
  if ((await path.look(dir)) !== 'new') throw new Error('repeated, it is not as wanted')
}
