import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { configPath } from './paths.js'

type Environment = Readonly<Record<string, string | undefined>>

/** The docker-machine that was here before our link (docs/docker-machine.md). */
export interface PreviousProgram {
  /** Where it is now. */
  readonly path: string
  /** Where it was, when `shim install --force` moved it aside. */
  readonly movedFrom?: string
}

/** Where `shim install` records it. */
export function previousProgramFile(env: Environment): string {
  return join(configPath(env), 'docker-machine.json')
}

/** What `shim install` found and recorded; undefined when there was none, or it is gone. */
export function previousProgram(env: Environment): PreviousProgram | undefined {
  try {
    const { path, movedFrom } = JSON.parse(readFileSync(previousProgramFile(env), 'utf8')) as Record<
      string,
      unknown
    >
    if (typeof path !== 'string' || !existsSync(path)) return undefined
    return { path, ...(typeof movedFrom === 'string' ? { movedFrom } : {}) }
  } catch {
    return undefined
  }
}
