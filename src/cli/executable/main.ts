/**
 * Where the single executable begins (docs/architecture.md, "The single executable"): `program` is bin/run.cjs with
 * `load` below in place of what loads from files.
 */
import { HELPER_WORD } from '../../util/own-program.js'
import { load } from './load.js'

export function begin(program: () => void): void {
  if (process.argv[2] !== HELPER_WORD) return program()
  process.argv.splice(2, 1)
  load('helper')
}
