/** Which machines an import brings in, for as long as it has not brought in all. */
import { readFileSync } from 'node:fs'
import { writeFileAtomic } from '../util/atomic-file.js'
import { removeForGood } from '../util/durable.js'

/** Machine ids; none when no import was cut, or when the note cannot be read. */
export function readImportNote(path: string): readonly string[] {
  try {
    const ids: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []
  } catch {
    return []
  }
}

export async function writeImportNote(path: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) await removeForGood(path)
  else await writeFileAtomic(path, `${JSON.stringify(ids)}\n`, { mode: 0o600 })
}
