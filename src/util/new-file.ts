import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { writeFileAtomic } from './atomic-file.js'

/** A file that the user names for a command's result. */
export interface NewFile {
  readonly file: string
  /** Write over one that exists. */
  readonly force: boolean
}

/**
 * Asked before the work: a key, or an earlier result, would be lost. What is no file is never replaced: root could end
 * `/dev/null` for everybody.
 * @throws MachineError `exists`
 */
export function refuseExisting({ file, force }: NewFile): void {
  const present = statSync(resolve(file), { throwIfNoEntry: false })
  if (present && !present.isFile()) throw new MachineError('exists', `${file} exists and is no file`)
  if (force || !present) return
  throw new MachineError('exists', `${file} exists`, {
    hints: ['Name another file, or write over it: --force'],
  })
}

/** Writes it, for its user alone. Returns its absolute path. @throws MachineError `exists` or `store` */
export async function writeNewFile(wanted: NewFile, data: string | Uint8Array): Promise<string> {
  refuseExisting(wanted)
  const path = resolve(wanted.file)
  await writeFileAtomic(path, data, { mode: 0o600 })
  return path
}
