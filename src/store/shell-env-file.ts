/**
 * `shell-env`: what `env` answers, made of a record and read by shells without us (docs/shell.md). A shell uses it only
 * while it is newer than both files of the record. So its time is not when it was written but an instant before the record was
 * read: whatever changes the record after that, with or without a lock, is as new or newer.
 */
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CONFIG, LEDGER, SHELL_ENV } from './layout.js'

/**
 * Makes the file again, or removes it where `text` gives none. It is a copy, so no failure here is one of the verb: without
 * it, or with an old one, shells ask the program.
 */
export async function renderShellEnv(dir: string, text: () => Promise<string | undefined>): Promise<void> {
  const temporary = join(dir, `.${SHELL_ENV}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const isWritten = await writeAsOfNow(temporary, text)
    if (isWritten) await rename(temporary, join(dir, SHELL_ENV))
    else await rm(join(dir, SHELL_ENV), { force: true })
  } catch {
    // An old one is known by its time.
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined)
  }
}

async function writeAsOfNow(path: string, text: () => Promise<string | undefined>): Promise<boolean> {
  const file = await open(path, 'wx', 0o600)
  try {
    const asOf = await now(file)
    const content = await text()
    if (content === undefined) return false
    await file.writeFile(content)
    await file.utimes(asOf, asOf)
    return true
  } finally {
    await file.close()
  }
}

/** By the clock of the file system, which is coarser than ours, rounded down. */
async function now(file: FileHandle): Promise<Date> {
  const { mtimeMs } = await file.stat()
  return new Date(Math.floor(mtimeMs))
}

/** Whether every shell sees that it is newer, those too that know times in whole seconds only. */
export function shellEnvIsCurrent(dir: string): boolean {
  const [made, ...record] = [SHELL_ENV, CONFIG, LEDGER].map((file) => modified(join(dir, file)))
  return made !== undefined && record.every((time) => time !== undefined && time < made)
}

function modified(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && Math.floor(found.mtimeMs / 1000)
}
