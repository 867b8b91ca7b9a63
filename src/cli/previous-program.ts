import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makePrivateDir, writeFileAtomic } from '../util/atomic-file.js'
import { type PreviousProgram, previousProgramFile } from '../util/previous-program.js'

export { previousProgram, type PreviousProgram } from '../util/previous-program.js'

type Environment = Readonly<Record<string, string | undefined>>

export async function recordPrevious(env: Environment, program: PreviousProgram): Promise<void> {
  const file = previousProgramFile(env)
  await makePrivateDir(dirname(file))
  await writeFileAtomic(file, `${JSON.stringify({ schemaVersion: 1, ...program }, undefined, 2)}\n`)
}

export async function forgetPrevious(env: Environment): Promise<void> {
  await rm(previousProgramFile(env), { force: true })
}
