import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Json } from '../../contracts/json.js'
import { makePrivateDir, writeFileAtomic } from '../../util/atomic-file.js'

/** A small JSON file; undefined when it is missing or broken, because nothing that we keep so is needed. */
export function readJsonFile(path: string): Json | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Json
  } catch {
    return undefined
  }
}

/** Replaces a small JSON file. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  await makePrivateDir(dirname(path))
  await writeFileAtomic(path, `${JSON.stringify(value, undefined, 2)}\n`)
}
