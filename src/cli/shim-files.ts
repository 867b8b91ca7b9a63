import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { link, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { syncDirectory, writeFileAtomic } from '../util/atomic-file.js'
import { errnoOf, fileError, hasNoLinks } from '../util/file-error.js'
import { isOwnCopy, SCRIPT_MARK } from '../util/own-links.js'
import { ownCommand, ownProgram } from '../util/own-program.js'

const WINDOWS = process.platform === 'win32'

/** File name of our link. */
export const SHIM = WINDOWS ? 'docker-machine.cmd' : 'docker-machine'

/** What is at a path where our link is wanted. */
export type Present = 'nothing' | 'current' | 'stale' | 'foreign'

/** `stale`: a link of ours to another copy of the program, there or gone. */
export function presentAt(path: string): Present {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return 'nothing'
  if (WINDOWS) return ofScript(readFileSync(path, 'utf8'))
  if (!stat.isSymbolicLink()) return 'foreign'
  if (existsSync(path) && realpathSync(path) === realpathSync(ownProgram())) return 'current'
  return isOwnCopy(readlinkSync(path)) ? 'stale' : 'foreign'
}

function ofScript(text: string): Present {
  if (!text.includes(SCRIPT_MARK)) return 'foreign'
  return text === script() ? 'current' : 'stale'
}

/** A script does not pass its own name on as a link does: it says it in a variable, which `bin/run.cjs` takes out. */
export function script(): string {
  return [
    '@echo off',
    SCRIPT_MARK,
    'setlocal',
    'set "TSMACHINE_CALLED_AS=docker-machine"',
    [...ownCommand().map((word) => `"${word}"`), '%*'].join(' '),
    '',
  ].join('\r\n')
}

/** Puts our link in place in one step. @throws MachineError `store` when the directory cannot be written */
export async function putShim(path: string): Promise<void> {
  if (WINDOWS) return await writeFileAtomic(path, script(), { mode: 0o755 })
  const temporary = join(dirname(path), `.${SHIM}.${randomBytes(6).toString('hex')}`)
  try {
    await symlink(ownProgram(), temporary)
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw fileError('write', path, error)
  }
}

/**
 * Gives a program that is in our way a second name, under which it stays when our link replaces it: at no instant is there
 * no program of its own name.
 * @throws MachineError `exists` when there is another program of that second name, `store`
 */
export async function keepAside(path: string, aside: string): Promise<void> {
  if (existsSync(aside) && !isSameProgram(path, aside))
    throw new MachineError('exists', `${aside} is there already: ${path} cannot be moved aside`)
  try {
    if (lstatSync(aside, { throwIfNoEntry: false })) return
    if (lstatSync(path).isSymbolicLink()) await symlink(readlinkSync(path), aside)
    else await linkOrMove(path, aside)
    await syncDirectory(dirname(aside))
  } catch (error) {
    throw fileError('move', path, error)
  }
}

/** One that an earlier try, cut off before our link was in place, has named so already. */
function isSameProgram(path: string, aside: string): boolean {
  const [one, other] = [lstatSync(path), lstatSync(aside)]
  if (one.isSymbolicLink() && other.isSymbolicLink()) return readlinkSync(path) === readlinkSync(aside)
  return one.ino === other.ino && one.dev === other.dev
}

async function linkOrMove(path: string, aside: string): Promise<void> {
  try {
    await link(path, aside)
  } catch (error) {
    // An answer that was lost: the file server made it, was asked again, and said that it is there.
    if (errnoOf(error) === 'EEXIST' && isSameProgram(path, aside)) return
    if (!hasNoLinks(error)) throw error
    await rename(path, aside)
  }
}

/** Ends our link: in one step where there is a program to put back. @throws MachineError `store` */
export async function endShim(path: string, aside?: string): Promise<void> {
  try {
    if (aside === undefined) await rm(path)
    else await rename(aside, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    throw fileError('remove', path, error)
  }
}
