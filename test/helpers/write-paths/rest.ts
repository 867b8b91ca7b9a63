import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** What only exists while something is written. */
const REST =
  /\.tmp$|\.partial$|\.part$|\.new(-[0-9a-f]+)?$|\.gone-|\.next$|(^|\/)locks\/.|\.lock$|\.break$|\.staging-|\.removed-|^\.docker-machine/

/** Files that should not have stayed below a directory. */
export function noRest(dir: string): readonly string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .filter((path) => REST.test(path))
    .sort()
}
