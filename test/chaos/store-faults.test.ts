/** Each write path of ours on a file system that fails at its n-th operation: old or new content, never neither. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { toMachineError } from '../../src/contracts/errors.js'
import { withLock } from '../../src/util/locks.js'
import { type Change, HalfDone } from '../helpers/file-changes.js'
import { watchingFiles } from '../helpers/faulty-fs.js'
import { type Trial, trials } from '../helpers/trials.js'
import { type Seen, WRITE_PATHS, type WritePath } from '../helpers/write-paths.js'
import { size } from '../sizes.js'
import { noRest } from '../helpers/write-paths/rest.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsm-faults-'))
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))

t.setTimeout(900_000)

/** What the n-th operation says; `half`: it says so after half of its work. */
const FAULTS = [
  { code: 'ENOSPC', half: false },
  { code: 'EIO', half: false },
  { code: 'EROFS', half: false },
  { code: 'EDQUOT', half: false },
  { code: 'ENOSPC', half: true },
] as const

interface Case {
  readonly path: WritePath
  readonly at: number
  readonly operation: string
  readonly fault: (typeof FAULTS)[number]
  /** Whether the file system goes on failing: then nothing can be cleared away. */
  readonly stays: boolean
}

const dirOf = (path: WritePath): string => join(scratch, String(WRITE_PATHS.indexOf(path)))

/** The same start for each case, at the same place: records hold paths. */
function restore(path: WritePath): string {
  const dir = dirOf(path)
  rmSync(dir, { recursive: true, force: true })
  cpSync(`${dir}.start`, dir, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
  return dir
}

/** Runs a path once without a fault. Returns its operations. */
async function rehearse(t: Test, path: WritePath): Promise<readonly Change[]> {
  const dir = dirOf(path)
  mkdirSync(dir, { mode: 0o700 })
  await path.prepare?.(dir)
  cpSync(dir, `${dir}.start`, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
  const changes: Change[] = []
  await watchingFiles([dir], { before: (change) => void changes.push(change) }, () => path.act(dir))
  t.equal(await path.look(dir), 'new', `${path.name}: ${changes.length} operations`)
  t.strictSame(noRest(dir), [], `${path.name} leaves nothing beside`)
  return changes
}

function failing({ at, fault, stays }: Case): (change: Change) => void {
  let count = 0
  return ({ name, path }) => {
    count++
    if (count !== at && !(stays && count > at)) return
    const { code } = fault
    if (fault.half && count === at) throw new HalfDone(code, name, path)
    throw Object.assign(new Error(`${code}: injected, ${name} '${path}'`), { code, syscall: name, path })
  }
}

async function survive(one: Case): Promise<void> {
  const { path } = one
  const dir = restore(path)
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
  if (!mayLeave(one)) await checkRest(dir, seen)
  if (seen === 'old')
    await path.act(dir).catch((error: unknown) => {
      throw new Error('it cannot be repeated', { cause: error })
    })
  if ((await path.look(dir)) !== 'new') throw new Error('repeated, it is not as wanted')
  if (!mayLeave(one)) await checkRest(dir, seen === 'new' ? 'new' : 'old')
}

/** A lock that could not be ended is taken by the next who wants it; the text that a record is to have stays until then. */
async function checkRest(dir: string, seen: Seen): Promise<void> {
  for (const path of noRest(dir).filter((each) => /\.(lock|writing)$/.test(each)))
    await withLock(join(dir, path), { what: 'test', waitMs: 0 }, () => Promise.resolve())
  const rest = noRest(dir).filter((each) => !(seen === 'new' && each.endsWith('.config.json.next')))
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

t.test('a file system that fails at the n-th operation leaves old or new, and says why', async (t) => {
  const cases: Case[] = []
  for (const path of WRITE_PATHS) {
    const changes = await rehearse(t, path)
    for (const [index, { name }] of changes.entries())
      for (const fault of FAULTS)
        for (const stays of [false, true])
          if (!fault.half || ['write', 'remove'].includes(name))
            cases.push({ path, at: index + 1, operation: name, fault, stays })
  }
  t.comment(`${cases.length} cases of ${WRITE_PATHS.length} write paths`)
  // A prime walks through all of them, evenly, whatever their number is.
  const caseOf = ({ seed }: Trial): Case => cases[(seed * 7_919) % cases.length] as Case
  const count = Math.min(cases.length, size('storeFaults'))
  await trials(t, 'faults of the file system', count, async (trial) => {
    const one = caseOf(trial)
    const { code, half } = one.fault
    const what = `${one.path.name}: ${code}${half ? ' half way' : ''}${one.stays ? ' from' : ' at'} operation ${one.at} (${one.operation})`
    await survive(one).catch((cause: unknown) => {
      throw new Error(what, { cause })
    })
  })
})
