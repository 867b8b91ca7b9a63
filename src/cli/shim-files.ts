import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '../util/atomic-file.js'
import { fileError } from '../util/file-error.js'
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
  } catch (error) {
    await rm(temporary, { force: true })
    throw fileError('write', path, error)
  }
}
