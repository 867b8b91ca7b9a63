import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder whose name says which run made it: what runs in it when all is over was left behind by a test. */
export function runDir(kind: string): string {
  const run = process.env['TSMACHINE_RUN']
  return mkdtempSync(join(tmpdir(), run ? `tsm-${kind}-${run}-` : `tsm-${kind}-`))
}
