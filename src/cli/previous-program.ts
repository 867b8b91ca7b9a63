import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makePrivateDir, writeFileAtomic } from '../util/atomic-file.js'
import { configPath } from '../util/paths.js'

type Environment = Readonly<Record<string, string | undefined>>

/** The docker-machine that was here before our link (docs/docker-machine.md). */
export interface PreviousProgram {
  /** Where it is now. */
  readonly path: string
  /** Where it was, when `shim install --force` moved it aside. */
  readonly movedFrom?: string
}

function fileOf(env: Environment): string {
  return join(configPath(env), 'docker-machine.json')
}

/** What `shim install` found and recorded; undefined when there was none, or it is gone. */
export function previousProgram(env: Environment): PreviousProgram | undefined {
  try {
    const { path, movedFrom } = JSON.parse(readFileSync(fileOf(env), 'utf8')) as Record<string, unknown>
    if (typeof path !== 'string' || !existsSync(path)) return undefined
    return { path, ...(typeof movedFrom === 'string' ? { movedFrom } : {}) }
  } catch {
    return undefined
  }
}

export async function recordPrevious(env: Environment, program: PreviousProgram): Promise<void> {
  const file = fileOf(env)
  await makePrivateDir(dirname(file))
  await writeFileAtomic(file, `${JSON.stringify({ schemaVersion: 1, ...program }, undefined, 2)}\n`)
}

export async function forgetPrevious(env: Environment): Promise<void> {
  await rm(fileOf(env), { force: true })
}
